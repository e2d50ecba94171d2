"""Alarms, and the topic that they are told by."""

from stacks.organization import Organization
from tests.infrastructure.templates import (
    Resource,
    Template,
    functions,
    of_type,
    only,
    policy_of,
    queues,
    referred,
    rendered,
)
from vectorcare_bridge.observability import Metric


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


def test_one_dead_letter_is_an_alarm(template: Template) -> None:
    alarm = alarm_on(template, "ApproximateNumberOfMessagesVisible")
    _, dead_letters = queues(template)
    assert watched(template, alarm) is template["Resources"][dead_letters]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")


def test_one_server_error_is_an_alarm(template: Template) -> None:
    alarm = alarm_on(template, "5XXError")
    api = only(template, "AWS::ApiGateway::RestApi")["Properties"]["Name"]
    assert {"Name": "ApiName", "Value": api} in alarm["Dimensions"]
    assert (alarm["Threshold"], alarm["Statistic"]) == (1, "Sum")


def test_a_drain_that_does_not_run_is_an_alarm(template: Template) -> None:
    alarm = alarm_on(template, "Invocations")
    assert watched(template, alarm) is functions(template)["drain"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "LessThanThreshold")
    assert alarm["TreatMissingData"] == "breaching"  # a function that is not called has no metric


def test_a_drain_that_ends_in_an_error_is_an_alarm(template: Template) -> None:
    alarm = alarm_on(template, "Errors")
    assert watched(template, alarm) is functions(template)["drain"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")


def test_a_drain_that_moves_nothing_is_an_alarm_on_the_metric_that_it_writes(template: Template) -> None:
    alarm = alarm_on(template, Metric.DRAIN_FAILED.value)
    drain = functions(template)["drain"]["Properties"]["Environment"]["Variables"]
    assert alarm["Namespace"] == drain["POWERTOOLS_METRICS_NAMESPACE"]
    assert {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]} == {
        "organization": drain["ORGANIZATION"],
        "service": drain["POWERTOOLS_SERVICE_NAME"],
    }


def alarm_on(template: Template, metric: str) -> Resource:
    (alarm,) = (
        each["Properties"]
        for each in of_type(template, "AWS::CloudWatch::Alarm").values()
        if each["Properties"]["MetricName"] == metric
    )
    found: Resource = alarm
    return found


def watched(template: Template, alarm: Resource) -> Resource:
    (dimension,) = alarm["Dimensions"]
    resource: Resource = template["Resources"][referred(dimension["Value"])]
    return resource
