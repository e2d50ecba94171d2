"""Alarms, and the topic that they are told by."""

from collections.abc import Mapping

import pytest

from sender import backoff
from stacks.config.organization import Organization
from tests.stacks.templates import (
    Resource,
    Template,
    alarms,
    functions,
    of_type,
    policy_of,
    queues,
    referred,
    rendered,
    rest_api_id,
    unpublished,
)
from vectorcare_bridge.edge.metric import Metric


def test_the_topic_is_encrypted_by_the_key_and_refuses_plain_http(template: Template) -> None:
    ((name, topic),) = of_type(template, "AWS::SNS::Topic").items()
    policy = policy_of(template, "AWS::SNS::TopicPolicy", "Topics", name)
    assert rendered(topic["Properties"]["KmsMasterKeyId"]).startswith(
        f"<{next(iter(of_type(template, 'AWS::KMS::Key')))}"
    )
    assert any(
        statement["Effect"] == "Deny"
        and statement["Action"] == "sns:Publish"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in policy
    )


def test_the_accounts_alarms_may_publish(template: Template) -> None:
    (name,) = of_type(template, "AWS::SNS::Topic")
    (statement,) = (
        each for each in policy_of(template, "AWS::SNS::TopicPolicy", "Topics", name) if each["Effect"] == "Allow"
    )
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert rendered(statement["Condition"]["StringEquals"]["aws:SourceAccount"]) == "123456789012"


def test_every_alarm_tells_the_topic_and_says_what_it_means(template: Template) -> None:
    (topic,) = of_type(template, "AWS::SNS::Topic")
    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        assert [referred(action) for action in alarm["Properties"]["AlarmActions"]] == [topic]
        assert alarm["Properties"]["AlarmDescription"]


def test_the_organizations_people_are_told(template: Template, organization: Organization) -> None:
    subscriptions = [each for each in template["Resources"].values() if each["Type"] == "AWS::SNS::Subscription"]
    assert {each["Properties"]["Protocol"] for each in subscriptions} <= {"email"}
    assert {each["Properties"]["Endpoint"] for each in subscriptions} == set(organization.alarm_emails)


# No data: nothing happened, for most. For the others, the reason beside them.
MISSING = {
    "DrainStopped": "breaching",  # a function that is not called has no metric
    "Silence": "breaching",  # what does not come is not counted
    "SpoolNotEmpty": "ignore",  # nobody has looked: what was true stays true
}


def test_no_data_means_what_it_means_for_each_alarm(template: Template) -> None:
    treated = {name: alarm["TreatMissingData"] for name, alarm in alarms(template).items()}
    assert treated == {name: MISSING.get(name, "notBreaching") for name in treated}


def test_every_alarm_is_on_one_metric_as_the_local_stand_needs_it(template: Template) -> None:
    assert not [name for name, alarm in alarms(template).items() if "Metrics" in alarm]


def test_every_alarm_looks_back_as_far_as_cloudwatch_allows(template: Template) -> None:
    # CloudWatch API Reference, PutMetricAlarm, EvaluationPeriods: a day, or seven with periods of an hour and more.
    for alarm in alarms(template).values():
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= (604_800 if alarm["Period"] >= 3600 else 86_400)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DeadLetters", ("ApproximateNumberOfMessagesVisible", "Maximum", 1, 1)),
        ("DeadLettersExpiring", ("ApproximateAgeOfOldestMessage", "Maximum", 9 * 86_400, 5)),
        ("DeadLettersForgotten", ("ApproximateNumberOfMessagesVisible", "Maximum", 1, 7 * 24 * 60)),
        ("MessagesWaiting", ("ApproximateNumberOfMessagesVisible", "Minimum", 50, 15)),
        ("MessagesInFlight", ("ApproximateNumberOfMessagesNotVisible", "Minimum", 50, 15)),
        ("OldestMessage", ("ApproximateAgeOfOldestMessage", "Maximum", 900, 1)),
    ],
)
def test_queue_and_dead_letters_are_watched(
    templates: Mapping[str, Template], name: str, expected: tuple[str, str, int, int]
) -> None:
    # Given
    template = templates["minimal"]
    queue, dead_letters = queues(template)
    # When
    alarm = alarms(template)[name]
    # Then
    where = dead_letters if name.startswith("DeadLetters") else queue
    assert watched(template, alarm) is template["Resources"][where]
    assert (alarm["Namespace"], alarm["ComparisonOperator"]) == ("AWS/SQS", "GreaterThanOrEqualToThreshold")
    minutes = alarm["Period"] * alarm["EvaluationPeriods"] / 60
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"], minutes) == expected


DAY = 24 * 60


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("UnpublishedEvents", ("ApproximateNumberOfMessagesVisible", 1, 1)),
        ("UnpublishedEventsForgotten", ("ApproximateNumberOfMessagesVisible", 1, 7 * DAY)),
        ("CommandDeadLetters", ("ApproximateNumberOfMessagesVisible", 1, 1)),
        ("CommandsWaiting", ("ApproximateAgeOfOldestMessage", 300, 1)),
    ],
)
def test_the_queues_of_the_outbound_way_are_watched(
    templates: Mapping[str, Template], name: str, expected: tuple[str, int, int]
) -> None:
    # Given
    template = templates["minimal"]
    queue, dead_letters = queues(template, "sender")
    where = {"CommandDeadLetters": dead_letters, "CommandsWaiting": queue}.get(name, unpublished(template))
    # When
    alarm = alarms(template)[name]
    # Then
    assert watched(template, alarm) is template["Resources"][where]
    assert (alarm["Namespace"], alarm["ComparisonOperator"]) == ("AWS/SQS", "GreaterThanOrEqualToThreshold")
    assert alarm["Statistic"] == "Maximum"
    assert (alarm["MetricName"], alarm["Threshold"], minutes_back(alarm)) == expected


def test_what_waits_is_told_of_long_before_sqs_deletes_it(template: Template) -> None:
    alarm = alarms(template)["UnpublishedEventsForgotten"]
    seconds = template["Resources"][unpublished(template)]["Properties"]["MessageRetentionPeriod"]
    assert minutes_back(alarm) * 60 <= seconds / 2


def test_the_publisher_is_watched_before_the_stream_forgets(templates: Mapping[str, Template]) -> None:
    # Given
    template = templates["everything"]
    # When
    alarm = alarms(template)["PublisherBehind"]
    # Then milliseconds
    assert watched(template, alarm) is functions(template)["publisher"]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == ("IteratorAge", "Maximum", 600_000)
    assert minutes_back(alarm) == 5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Retrying", (3, 6)),
        ("SlowAnswers", (2, 3)),
        ("PublisherErrors", (3, 3)),
        ("CredentialsRefused", (2, 3)),
        ("CircuitOpen", (2, 3)),
        ("CommandsLate", (1, 6)),  # no data in between, however long a command waits for its next attempt
        ("CommandsFailing", (2, 4)),
        ("ReadingFails", (3, 3)),
    ],
)
def test_what_may_mend_itself_has_to_last(template: Template, name: str, expected: tuple[int, int]) -> None:
    alarm = alarms(template)[name]
    assert (alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]), alarm["EvaluationPeriods"]) == expected


def test_a_late_command_is_told_of_for_longer_than_it_waits_between_attempts(template: Template) -> None:
    longest = backoff.LONGEST_SECONDS + backoff.LONGEST_RETRY_AFTER_SECONDS
    assert minutes_back(alarms(template)["CommandsLate"]) * 60 > longest


@pytest.mark.parametrize(
    ("name", "service", "metric", "expected"),
    [
        ("Freshness", "processor", Metric.FRESHNESS_SECONDS, ("p99", 300, 5)),
        ("Retrying", "processor", Metric.RETRIED, ("Sum", 1, 30)),
        ("Duplicates", "processor", Metric.DUPLICATE, ("Sum", 100, 60)),
        ("SignatureFailures", "ingest", Metric.SIGNATURE_INVALID, ("Sum", 3, 15)),
        ("WebhooksTooLarge", "ingest", Metric.TOO_LARGE, ("Sum", 1, 5)),
        ("SpoolNotEmpty", "drain", Metric.SPOOL_OBJECTS, ("Maximum", 1, 3)),
        ("DrainFailures", "drain", Metric.DRAIN_FAILED, ("Sum", 1, 5)),
        ("Silence", "ingest", Metric.ACCEPTED, ("Sum", 1, 240)),
        ("ChangesUnreadable", "publisher", Metric.CHANGE_UNREADABLE, ("Sum", 1, 5)),
        ("CommandsLate", "sender", Metric.COMMAND_WAITING_SECONDS, ("Maximum", 300, 30)),
        ("CommandsExpired", "sender", Metric.COMMAND_EXPIRED, ("Sum", 1, 5)),
        ("CommandsUncertain", "sender", Metric.COMMAND_UNCERTAIN, ("Sum", 1, 5)),
        ("CommandsFailing", "sender", Metric.COMMAND_FAILED_PERCENT, ("Average", 25, 120)),
        ("CredentialsRefused", "sender", Metric.CREDENTIALS_REFUSED, ("Sum", 1, 15)),
        ("CircuitOpen", "sender", Metric.CIRCUIT_OPENED, ("Sum", 1, 15)),
    ],
)
def test_a_functions_own_metric_is_watched_as_it_writes_it(
    templates: Mapping[str, Template],
    name: str,
    service: str,
    metric: Metric,
    expected: tuple[str, int, int],
) -> None:
    # Given
    template = templates["minimal"]
    environment = functions(template)[service]["Properties"]["Environment"]["Variables"]
    # When
    alarm = alarms(template)[name]
    # Then
    assert (alarm["Namespace"], alarm["MetricName"]) == (environment["POWERTOOLS_METRICS_NAMESPACE"], metric.value)
    assert {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]} == {
        "organization": environment["ORGANIZATION"],
        "service": environment["POWERTOOLS_SERVICE_NAME"],
    }
    statistic = alarm.get("ExtendedStatistic", alarm.get("Statistic"))
    assert (statistic, alarm["Threshold"], alarm["Period"] * alarm["EvaluationPeriods"] / 60) == expected


@pytest.mark.parametrize(
    ("name", "answering", "expected"),
    [
        ("ServerErrors", "webhook", ("5XXError", "Sum", 1)),
        ("SlowAnswers", "webhook", ("Latency", "p99", 3000)),
        ("ReadingFails", "reading", ("5XXError", "Sum", 1)),
    ],
)
def test_what_vectorcare_and_readers_are_answered_is_watched(
    templates: Mapping[str, Template], name: str, answering: str, expected: tuple[str, str, int]
) -> None:
    # Given
    template = templates["minimal"]
    # When
    alarm = alarms(template)[name]
    # Then
    api = template["Resources"][rest_api_id(template, answering)]["Properties"]["Name"]
    assert {"Name": "ApiName", "Value": api} in alarm["Dimensions"]
    statistic = alarm.get("ExtendedStatistic", alarm.get("Statistic"))
    assert (alarm["MetricName"], statistic, alarm["Threshold"]) == expected


@pytest.mark.parametrize(
    ("name", "function", "metric"),
    [
        ("ProcessorErrors", "processor", "Errors"),
        ("PublisherErrors", "publisher", "Errors"),
        ("DrainErrors", "drain", "Errors"),
        ("DrainStopped", "drain", "Invocations"),
        ("IngestThrottled", "ingest", "Throttles"),
        ("ProcessorThrottled", "processor", "Throttles"),
    ],
)
def test_the_functions_are_watched(template: Template, name: str, function: str, metric: str) -> None:
    alarm = alarms(template)[name]
    assert watched(template, alarm) is functions(template)[function]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == (metric, "Sum", 1)


def test_a_drain_that_does_not_run_is_told_by_too_little(template: Template) -> None:
    assert alarms(template)["DrainStopped"]["ComparisonOperator"] == "LessThanThreshold"


@pytest.mark.parametrize("name", ["EventsThrottled", "ServiceRequestsThrottled", "StatusIndexThrottled"])
def test_the_tables_and_the_index_are_watched_for_throttles(template: Template, name: str) -> None:
    # When
    alarm = alarms(template)[name]
    # Then
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    table = template["Resources"][referred(dimensions["TableName"])]["Properties"]
    indexes = {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", [])}
    assert alarm["MetricName"] == "WriteThrottleEvents"
    assert bool(indexes) is (name != "EventsThrottled")
    assert ({dimensions.get("GlobalSecondaryIndexName")} == indexes) is (name == "StatusIndexThrottled")


def test_the_file_says_from_when_on(templates: Mapping[str, Template]) -> None:
    # When
    said = alarms(templates["everything"])
    # Then
    assert said["Freshness"]["Threshold"] == 120
    assert said["MessagesWaiting"]["Threshold"] == said["MessagesInFlight"]["Threshold"] == 500
    assert said["SlowAnswers"]["Threshold"] == 5000
    assert said["SignatureFailures"]["Threshold"] == 6  # two webhooks, three attempts each
    assert said["Duplicates"]["Threshold"] == 40
    assert said["Silence"]["EvaluationPeriods"] == 90
    assert said["PublisherBehind"]["Threshold"] == 600_000  # milliseconds
    assert said["CommandsWaiting"]["Threshold"] == said["CommandsLate"]["Threshold"] == 90
    assert said["CommandsFailing"]["Threshold"] == 40


def watched(template: Template, alarm: Resource) -> Resource:
    (dimension,) = alarm["Dimensions"]
    reference = dimension["Value"]
    resource: Resource = template["Resources"][referred(reference)]
    return resource


def minutes_back(alarm: Resource) -> float:
    minutes: float = alarm["Period"] * alarm["EvaluationPeriods"] / 60
    return minutes
