"""Tables, key and logs: what has to outlive the stack, and who may use the key."""

from unittest import mock

from sender.command_log import CommandLog
from tests.stacks.templates import Resource, Template, of_type, only, referred, rendered, rest_api_id
from vectorcare_bridge.commands.command import Command, Kind
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import fold
from vectorcare_bridge.webhooks.envelope import Event
from vectorcare_bridge.webhooks.failure import FailureReason
from vectorcare_bridge.webhooks.fold import Received
from vectorcare_bridge.webhooks.journal import Journal
from vectorcare_bridge.webhooks.message import Webhook

NOW = UtcTimestamp("2026-03-01T12:00:00.000000Z")


def by_key(template: Template) -> dict[tuple[str, ...], Resource]:
    return {
        tuple(part["AttributeName"] for part in table["Properties"]["KeySchema"]): table
        for table in of_type(template, "AWS::DynamoDB::Table").values()
    }


def time_to_live(table: Resource) -> str:
    specification = table["Properties"]["TimeToLiveSpecification"]
    assert specification["Enabled"] is True
    return str(specification["AttributeName"])


def test_tables_survive_the_stack_and_a_slip_of_the_hand_and_are_encrypted_by_the_key(template: Template) -> None:
    (key,) = of_type(template, "AWS::KMS::Key")
    for table in of_type(template, "AWS::DynamoDB::Table").values():
        assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
        assert table["Properties"]["DeletionProtectionEnabled"] is True
        encryption = table["Properties"]["SSESpecification"]
        assert (encryption["SSEEnabled"], encryption["SSEType"]) == (True, "KMS")
        assert referred(encryption["KMSMasterKeyId"]) == key


def test_no_table_is_left_by_a_first_deployment_in_which_aws_refuses_what_the_file_asks_for(template: Template) -> None:
    # Given what AWS may refuse because of the organization's file
    apis = of_type(template, "AWS::ApiGateway::RestApi").keys()
    domains = {name for name, each in template["Resources"].items() if each["Type"] == "AWS::ApiGateway::DomainName"}
    # Then the tables, which CloudFormation could not delete because they are protected, come after it
    for table in of_type(template, "AWS::DynamoDB::Table").values():
        assert apis | domains <= set(table["DependsOn"])
    # And only they, and the account's role for logs, which other stacks use from then on, stay whatever happens
    kept = {each["Type"] for each in template["Resources"].values() if each.get("DeletionPolicy") == "Retain"}
    assert kept == {"AWS::DynamoDB::Table", "AWS::ApiGateway::Account", "AWS::IAM::Role"}


def test_items_expire_by_the_attribute_that_they_carry(template: Template) -> None:
    # Given a journal entry, the event that closes a service request, and a command
    journal, commands = mock.Mock(), mock.Mock()
    webhook, command = Webhook(body=b"x", signature="s", received_at=NOW), Command(Kind.ACCEPT, "c-1", "VC-1", {})
    event = Event("VC-1", "event-1", NOW, "COMPLETED", None, None)
    # When they are written
    Journal(journal, "events", retention_days=30).append_unreadable(webhook, FailureReason.NOT_JSON)
    register = fold.status_register(Received(event, NOW), retention_days=30)
    CommandLog(commands, "commands").claim(command, holder="h", now=NOW, lease_until=NOW)
    # Then
    entry, item = (client.put_item.call_args.kwargs["Item"] for client in (journal, commands))
    assert "N" in entry[time_to_live(by_key(template)["service_request_id", "event_id"])]
    assert isinstance(register[time_to_live(by_key(template)[("service_request_id",)])], int)
    assert "N" in item[time_to_live(by_key(template)[("command_id",)])]


def test_only_the_state_has_a_stream_which_carries_both_items(template: Template) -> None:
    streams = {key: table["Properties"].get("StreamSpecification") for key, table in by_key(template).items()}
    assert streams == {
        ("service_request_id",): {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        ("service_request_id", "event_id"): None,
        ("command_id",): None,
    }


def test_what_is_open_now_is_a_query(template: Template) -> None:
    (index,) = by_key(template)[("service_request_id",)]["Properties"]["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "by_status"
    assert [part["AttributeName"] for part in index["KeySchema"]] == ["request_status", "last_updated"]
    assert index["Projection"] == {"ProjectionType": "ALL"}


def test_the_key_survives_the_stack(template: Template) -> None:
    key = only(template, "AWS::KMS::Key")
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_key_admits_only_the_account_its_alarms_and_the_logs_of_this_stack(template: Template) -> None:
    # Given the statements by whom they admit: the account's root once more, by CDK, by way of Secrets Manager
    statements = {
        rendered(next(iter(statement["Principal"].values()))): statement
        for statement in only(template, "AWS::KMS::Key")["Properties"]["KeyPolicy"]["Statement"]
    }
    logs, alarms = "logs.us-east-1.amazonaws.com", "cloudwatch.amazonaws.com"
    assert statements.keys() == {"arn:aws:iam::123456789012:root", logs, alarms}
    # Then logs are those of the stack's groups
    patterns = statements[logs]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    prefix = "arn:aws:logs:us-east-1:123456789012:log-group:"
    stack = rendered(template["Resources"][rest_api_id(template, "webhook")]["Properties"]["Name"])
    assert [rendered(arn) for arn in patterns] == [f"{prefix}{stack}-*", f"{prefix}API-Gateway-Execution-Logs_*"]
    assert {"kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*"} <= set(statements[logs]["Action"])
    # And alarms those of the account
    assert statements[alarms]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert rendered(statements[alarms]["Condition"]["StringEquals"]["aws:SourceAccount"]) == "123456789012"


# CloudWatch Logs User Guide, "Types of data that you can protect".
MASKED = {"Name", "Address", "EmailAddress", "PhoneNumber-US", "Ssn-US", "MedicareBeneficiaryNumber-US"}


def test_every_log_group_is_encrypted_masked_admitted_by_the_key_and_survives_the_stack(template: Template) -> None:
    (key,) = of_type(template, "AWS::KMS::Key")
    for group in of_type(template, "AWS::Logs::LogGroup").values():
        assert referred(group["Properties"]["KmsKeyId"]) == key
        assert group["Properties"]["RetentionInDays"] == 365
        assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
        # Without a name of its own CloudFormation makes one that begins with the stack's.
        name = rendered(group["Properties"].get("LogGroupName", "VectorCareBridge-"))
        assert name.startswith(("VectorCareBridge-", "API-Gateway-Execution-Logs_"))
        # Masked is what looks like a patient's data, and not the address of a caller.
        audit, mask = group["Properties"]["DataProtectionPolicy"]["Statement"]
        identifiers = {rendered(identifier).rsplit("/", 1)[1] for identifier in mask["DataIdentifier"]}
        assert identifiers >= MASKED
        assert "IpAddress" not in identifiers
        assert mask["Operation"] == {"Deidentify": {"MaskConfig": {}}}
        # What is masked has to be what is audited (the same guide, "JSON properties for a policy statement").
        assert audit["DataIdentifier"] == mask["DataIdentifier"]
