"""The inbound direction, for every organization: queues, spool and functions, beside what the rule packs check."""

import ast
from pathlib import Path

import pytest

from drain.settings import DrainSettings
from ingest.settings import IngestSettings
from processor.settings import ProcessorSettings
from publisher.settings import PublisherSettings
from redrive.settings import RedriveSettings
from sender.settings import SenderSettings
from stacks.config.organization import Organization
from tests.stacks.templates import (
    Template,
    called,
    event_source,
    functions,
    of_type,
    policy_of,
    queues,
    referred,
    rendered,
)
from vectorcare_bridge.edge import settings

LAMBDAS = Path(__file__).parents[2] / "lambdas"
SETTINGS = {
    "ingest": IngestSettings,
    "processor": ProcessorSettings,
    "drain": DrainSettings,
    "redrive": RedriveSettings,
    "publisher": PublisherSettings,
    "sender": SenderSettings,
}
DAY = 24 * 60 * 60


@pytest.mark.parametrize("name", ["processor", "sender"])
def test_a_batch_stays_invisible_for_six_time_outs_and_the_window(template: Template, name: str) -> None:
    source = event_source(template, name)
    function = called(template, source["FunctionName"])
    queue = template["Resources"][referred(source["EventSourceArn"])]
    window = source.get("MaximumBatchingWindowInSeconds", 0)
    assert function is functions(template)[name]
    assert queue["Properties"]["VisibilityTimeout"] >= 6 * function["Properties"]["Timeout"] + window


@pytest.mark.parametrize("name", ["processor", "sender"])
def test_an_event_source_answers_for_each_message_is_bounded_and_filters_none(
    template: Template, organization: Organization, name: str
) -> None:
    source = event_source(template, name)
    concurrency = {"processor": organization.max_concurrency, "sender": 2}[name]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": concurrency}
    assert "FilterCriteria" not in source  # it would delete what does not match


@pytest.mark.parametrize(("function", "receives"), [("processor", 30), ("sender", 300)])
def test_messages_are_dead_after_so_many_receives_in_a_queue_of_their_own(
    template: Template, function: str, receives: int
) -> None:
    queue, dead_letters = (template["Resources"][name]["Properties"] for name in queues(template, function))
    assert queue["RedrivePolicy"]["maxReceiveCount"] == receives
    allowed = dead_letters["RedriveAllowPolicy"]
    assert allowed["redrivePermission"] == "byQueue"
    assert [rendered(source) for source in allowed["sourceQueueArns"]] == [
        f"arn:aws:sqs:us-east-1:123456789012:{queue['QueueName']}"
    ]


def test_every_queue_takes_the_largest_messages_keeps_them_and_is_encrypted_by_the_key(template: Template) -> None:
    (key,) = of_type(template, "AWS::KMS::Key")
    for queue in of_type(template, "AWS::SQS::Queue").values():
        assert queue["Properties"]["MaximumMessageSize"] == 1024 * 1024
        assert queue["Properties"]["MessageRetentionPeriod"] == 14 * DAY
        assert referred(queue["Properties"]["KmsMasterKeyId"]) == key


def test_the_spool_is_encrypted_by_s3_alone_and_keeps_what_was_not_drained(template: Template) -> None:
    ((name, spool),) = of_type(template, "AWS::S3::Bucket").items()
    properties = spool["Properties"]
    encryption = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    policy = policy_of(template, "AWS::S3::BucketPolicy", "Bucket", name)
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in [statement.get("Condition") for statement in policy]
    assert (spool["DeletionPolicy"], spool["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    for rule in properties["LifecycleConfiguration"]["Rules"]:
        assert not rule.keys() & {"ExpirationInDays", "ExpirationDate", "Transition", "Transitions"}


def test_the_drain_runs_every_minute(template: Template) -> None:
    rules = [rule["Properties"] for rule in of_type(template, "AWS::Events::Rule").values()]
    (rule,) = (rule for rule in rules if called(template, rule["Targets"][0]["Arn"]) is functions(template)["drain"])
    assert (rule["ScheduleExpression"], rule["State"], len(rule["Targets"])) == ("rate(1 minute)", "ENABLED", 1)


@pytest.mark.parametrize("function", SETTINGS)
def test_a_function_finds_its_handler_and_its_settings(template: Template, function: str) -> None:
    properties = functions(template)[function]["Properties"]
    assert "ReservedConcurrentExecutions" not in properties  # a reserve would be a limit too
    module, _, name = properties["Handler"].rpartition(".")
    tree = ast.parse((LAMBDAS / f"{module.replace('.', '/')}.py").read_text())
    environment = {key: rendered(value) for key, value in properties["Environment"]["Variables"].items()}
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    settings.load(SETTINGS[function], environment)


def test_the_organizations_settings_reach_the_functions(template: Template, organization: Organization) -> None:
    expected = {
        ("ingest", "CUSTOMER_ID"): organization.customer_id,
        ("ingest", "PUBLIC_KEYS"): organization.encoded_public_keys,
        ("processor", "ORDER_BY"): organization.order_by,
        ("processor", "STATE_RETENTION_DAYS"): str(organization.state_retention_days),
        ("processor", "JOURNAL_RETENTION_DAYS"): str(organization.journal_retention_days),
        ("publisher", "PUBLISH_ACTIONS"): ",".join(organization.publish_actions),
        ("publisher", "PUBLISH_DATA"): "true" if organization.publish_data else "false",
        ("sender", "VECTORCARE_API_URL"): organization.api_url,
        ("sender", "VECTORCARE_TOKEN_URL"): organization.token_url,
    }
    for (function, variable), value in expected.items():
        assert functions(template)[function]["Properties"]["Environment"]["Variables"][variable] == value
