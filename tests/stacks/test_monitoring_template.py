"""Alarms, and the topic that they publish to."""

from collections.abc import Mapping

import pytest

from sender import backoff
from stacks.config.organization import Organization
from tests.stacks.templates import (
    Resource,
    Template,
    alarms,
    functions,
    named,
    of_type,
    policy_of,
    referred,
    rendered,
    rest_api_id,
    unpublished,
)
from vectorcare_bridge.edge.metric import Metric

# No data means that nothing happened, except here.
MISSING = {
    "DrainStopped": "breaching",  # a function that is not called has no metric
    "JournalDifference": "ignore",  # there was no comparison: what was true stays true
    "Silence": "breaching",  # what does not come is not counted
    "SpoolNotEmpty": "ignore",  # the drain did not look: what was true stays true
}
# What each alarm watches: a resource and AWS's metric of it, or a function and the metric that it emits itself.
WATCHED = {
    "DeadLetters": ("dead letters", "ApproximateNumberOfMessagesVisible"),
    "DeadLettersExpiring": ("dead letters", "ApproximateAgeOfOldestMessage"),
    "DeadLettersForgotten": ("dead letters", "ApproximateNumberOfMessagesVisible"),
    "MessagesWaiting": ("queue", "ApproximateNumberOfMessagesVisible"),
    "MessagesInFlight": ("queue", "ApproximateNumberOfMessagesNotVisible"),
    "OldestMessage": ("queue", "ApproximateAgeOfOldestMessage"),
    "UnpublishedEvents": ("unpublished", "ApproximateNumberOfMessagesVisible"),
    "UnpublishedEventsForgotten": ("unpublished", "ApproximateNumberOfMessagesVisible"),
    "CommandDeadLetters": ("command dead letters", "ApproximateNumberOfMessagesVisible"),
    "CommandsWaiting": ("command queue", "ApproximateAgeOfOldestMessage"),
    "PublisherBehind": ("publisher", "IteratorAge"),
    "ProcessorErrors": ("processor", "Errors"),
    "PublisherErrors": ("publisher", "Errors"),
    "DrainErrors": ("drain", "Errors"),
    "DrainStopped": ("drain", "Invocations"),
    "JournalDifference": ("reconcile", Metric.JOURNAL_DIFFERENCE),
    "ReconcileFails": ("reconcile", "Errors"),
    "IngestThrottled": ("ingest", "Throttles"),
    "ProcessorThrottled": ("processor", "Throttles"),
    "EventsThrottled": ("events", "WriteThrottleEvents"),
    "ServiceRequestsThrottled": ("service requests", "WriteThrottleEvents"),
    "StatusIndexThrottled": ("service requests", "WriteThrottleEvents"),
    "ServerErrors": ("webhook API", "5XXError"),
    "SlowAnswers": ("webhook API", "Latency"),
    "ReadingFails": ("reading API", "5XXError"),
    "Freshness": ("processor", Metric.FRESHNESS_SECONDS),
    "Retrying": ("processor", Metric.RETRIED),
    "Duplicates": ("processor", Metric.DUPLICATE),
    "SignatureFailures": ("ingest", Metric.SIGNATURE_INVALID),
    "NotKept": ("ingest", Metric.NOT_KEPT),
    "WebhooksTooLarge": ("ingest", Metric.TOO_LARGE),
    "Silence": ("ingest", Metric.ACCEPTED),
    "SpoolNotEmpty": ("drain", Metric.SPOOL_OBJECTS),
    "DrainFailures": ("drain", Metric.DRAIN_FAILED),
    "ChangesUnreadable": ("publisher", Metric.CHANGE_UNREADABLE),
    "CommandsLate": ("sender", Metric.COMMAND_WAITING_SECONDS),
    "CommandsExpired": ("sender", Metric.COMMAND_EXPIRED),
    "CommandsUncertain": ("sender", Metric.COMMAND_UNCERTAIN),
    "CommandsFailing": ("sender", Metric.COMMAND_FAILED_PERCENT),
    "CredentialsRefused": ("sender", Metric.CREDENTIALS_REFUSED),
    "CircuitOpen": ("sender", Metric.CIRCUIT_OPENED),
}


def test_the_topic_is_encrypted_refuses_plain_http_and_admits_the_accounts_alarms_alone(template: Template) -> None:
    ((name, topic),) = of_type(template, "AWS::SNS::Topic").items()
    (key,) = of_type(template, "AWS::KMS::Key")
    assert rendered(topic["Properties"]["KmsMasterKeyId"]).startswith(f"<{key}")
    policy = policy_of(template, "AWS::SNS::TopicPolicy", "Topics", name)
    assert {"Bool": {"aws:SecureTransport": "false"}} in [
        each["Condition"] for each in policy if (each["Effect"], each["Action"]) == ("Deny", "sns:Publish")
    ]
    (admitted,) = (each for each in policy if each["Effect"] == "Allow")
    assert admitted["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert admitted["Action"] == "sns:Publish"
    assert rendered(admitted["Condition"]["StringEquals"]["aws:SourceAccount"]) == "123456789012"


def test_the_organizations_people_are_subscribed(template: Template, organization: Organization) -> None:
    subscriptions = [each for each in template["Resources"].values() if each["Type"] == "AWS::SNS::Subscription"]
    assert {each["Properties"]["Protocol"] for each in subscriptions} <= {"email"}
    assert {each["Properties"]["Endpoint"] for each in subscriptions} == set(organization.alarm_emails)


def test_every_alarm_notifies_the_topic_on_one_metric_over_a_time_that_cloudwatch_allows(template: Template) -> None:
    (topic,) = of_type(template, "AWS::SNS::Topic")
    for name, alarm in alarms(template).items():
        assert [referred(action) for action in alarm["AlarmActions"]] == [topic]
        assert alarm["TreatMissingData"] == MISSING.get(name, "notBreaching")
        assert "Metrics" not in alarm  # the local environment evaluates no metric math
        # CloudWatch API Reference, PutMetricAlarm, EvaluationPeriods: a day, or seven with periods of an hour and more.
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= (604_800 if alarm["Period"] >= 3600 else 86_400)


def test_every_alarm_watches_what_its_name_says(templates: Mapping[str, Template]) -> None:
    # Given
    template = templates["everything"]
    found = alarms(template)
    assert found.keys() == WATCHED.keys()
    for name, (watched, metric) in WATCHED.items():
        dimensions = {each["Name"]: rendered(each["Value"]) for each in found[name]["Dimensions"]}
        # Then the function emits the metric, or AWS keeps it of the resource
        if isinstance(metric, Metric):
            environment = functions(template)[watched]["Properties"]["Environment"]["Variables"]
            assert found[name]["Namespace"] == environment["POWERTOOLS_METRICS_NAMESPACE"]
            assert dimensions == {"organization": environment["ORGANIZATION"], "service": watched}, name
        else:
            assert dimension_of(template, watched) in dimensions.values(), name
        assert found[name]["MetricName"] == metric, name
    index = {each["Name"]: each["Value"] for each in found["StatusIndexThrottled"]["Dimensions"]}
    assert index["GlobalSecondaryIndexName"] == "by_status"


def dimension_of(template: Template, watched: str) -> str:
    """Give what an alarm's dimension refers to a resource by."""
    if watched.endswith("API"):
        name: str = template["Resources"][rest_api_id(template, watched.split(maxsplit=1)[0])]["Properties"]["Name"]
        return name
    logical_id = named(template)[watched]
    is_queue = template["Resources"][logical_id]["Type"] == "AWS::SQS::Queue"
    return f"<{logical_id}.QueueName>" if is_queue else f"<{logical_id}>"


def test_an_alarm_is_raised_by_too_much_except_if_the_drain_stops_or_webhooks_do(template: Template) -> None:
    low = {name for name, alarm in alarms(template).items() if alarm["ComparisonOperator"].startswith("LessThan")}
    assert low == {"DrainStopped", "Silence"} & alarms(template).keys()


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
def test_what_may_recover_has_to_last(templates: Mapping[str, Template], name: str, expected: tuple[int, int]) -> None:
    alarm = alarms(templates["minimal"])[name]
    assert (alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]), alarm["EvaluationPeriods"]) == expected


def test_a_late_command_alarms_for_longer_than_it_waits_between_attempts(templates: Mapping[str, Template]) -> None:
    longest = backoff.LONGEST_SECONDS + backoff.LONGEST_RETRY_AFTER_SECONDS
    assert seconds_back(alarms(templates["minimal"])["CommandsLate"]) > longest


def test_what_waits_alarms_long_before_sqs_deletes_it(templates: Mapping[str, Template]) -> None:
    template = templates["minimal"]
    seconds = template["Resources"][unpublished(template)]["Properties"]["MessageRetentionPeriod"]
    for name in ("DeadLettersForgotten", "UnpublishedEventsForgotten"):
        assert seconds_back(alarms(template)[name]) <= seconds / 2
    assert alarms(template)["DeadLettersExpiring"]["Threshold"] <= seconds * 10 / 14


def test_the_file_sets_the_thresholds(templates: Mapping[str, Template]) -> None:
    # When
    found = alarms(templates["everything"])
    # Then
    assert found["Freshness"]["Threshold"] == 120
    assert found["MessagesWaiting"]["Threshold"] == found["MessagesInFlight"]["Threshold"] == 500
    assert found["SlowAnswers"]["Threshold"] == 5000
    assert found["SignatureFailures"]["Threshold"] == 6  # two webhooks, three attempts each
    assert found["Duplicates"]["Threshold"] == 40
    assert found["Silence"]["EvaluationPeriods"] == 90
    assert found["PublisherBehind"]["Threshold"] == 600_000  # milliseconds
    assert found["CommandsWaiting"]["Threshold"] == found["CommandsLate"]["Threshold"] == 90
    assert found["CommandsFailing"]["Threshold"] == 40


def seconds_back(alarm: Resource) -> float:
    seconds: float = alarm["Period"] * alarm["EvaluationPeriods"]
    return seconds
