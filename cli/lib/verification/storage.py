"""What keeps data: tables and queues with their protections, and the secret."""

import json
from collections.abc import Iterator
from typing import Any

from cli.lib.verification.finding import Finding, failed, not_checked, ok, warning
from cli.lib.verification.subject import Subject

_TABLES = {"events": "EventsTable", "service_requests": "ServiceRequestsTable", "commands": "CommandsTable"}
_QUEUES = {
    "inbound": ("QueueUrl", "DeadLetterQueueUrl"),
    "outbound": ("OutboundQueueUrl", "OutboundDeadLetterQueueUrl"),
}
_FOURTEEN_DAYS = str(14 * 24 * 3600)


def tables(subject: Subject) -> Iterator[Finding]:
    """See what protects each table."""
    client = subject.stack.client("dynamodb")
    for table, output in _TABLES.items():
        check, name = f"table {table}", subject.stack.outputs[output]
        described = client.describe_table(TableName=name)["Table"]
        expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        missing = {
            f"aws dynamodb update-table --table-name {name} --deletion-protection-enabled": "deletion protection"
            * (not described.get("DeletionProtectionEnabled")),
            f"aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification "
            "Enabled=true,AttributeName=expires_at": "expiry"
            * (expiry["TimeToLiveStatus"] not in ("ENABLED", "ENABLING")),
        }
        if not subject.is_local:  # the emulator drops both from the template
            missing[
                f"aws dynamodb update-continuous-backups --table-name {name} "
                "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
            ] = "point-in-time recovery" * (not _has_recovery(client, name))
            missing["Look at the table's encryption in the DynamoDB console."] = "the stack's key" * (
                described.get("SSEDescription", {}).get("SSEType") != "KMS"
            )
        found = {command: what for command, what in missing.items() if what}
        if described["TableStatus"] not in ("ACTIVE", "UPDATING"):
            yield failed(check, f"It is {described['TableStatus']}.", "Look at it in the DynamoDB console.")
        elif found:
            yield failed(check, f"It is active, without {', '.join(found.values())}.", "; ".join(found))
        else:
            yield ok(check, "It is active and protected.")
    if subject.is_local:
        yield not_checked("backup and key of the tables", "The local environment has neither.")


def queues(subject: Subject) -> Iterator[Finding]:
    """See that what fails too often goes to the dead-letter queue of its direction, and stays there for 14 days."""
    for direction, outputs in _QUEUES.items():
        check = f"{direction} queue"
        queue, dead_letters = (_attributes(subject, output) for output in outputs)
        policy = json.loads(queue.get("RedrivePolicy", "{}"))
        if policy.get("deadLetterTargetArn") != dead_letters["QueueArn"]:
            yield failed(
                check,
                "It has no redrive policy to its dead-letter queue: what fails is tried for 14 days and then gone.",
                "A deployment does not put back what was changed by hand: set it in the SQS console.",
            )
        elif dead_letters["MessageRetentionPeriod"] != _FOURTEEN_DAYS or not dead_letters.get("KmsMasterKeyId"):
            yield failed(
                check,
                "Its dead-letter queue keeps messages for less than 14 days, or without the stack's key.",
                "A deployment does not put back what was changed by hand: set it in the SQS console.",
            )
        else:
            yield ok(check, f"After {policy['maxReceiveCount']} attempts a message goes to the dead-letter queue.")


def credentials(subject: Subject) -> Iterator[Finding]:
    """See that a person has put VectorCare's credentials in the place of the secret's first content.

    Each new content is a new version of the secret. So its description is enough, and its content is not read.
    """
    check = "credentials for commands"
    file = subject.organization
    if file and not file.token_url:
        yield ok(check, "Not needed: without vectorcare_token_url, no command is sent.")
        return
    secret = subject.stack.client("secretsmanager").describe_secret(SecretId=subject.stack.outputs["CredentialsSecret"])
    if any("AWSPREVIOUS" in stages for stages in secret.get("VersionIdsToStages", {}).values()):
        yield ok(
            check, f"The secret was filled, last on {secret['LastChangedDate']:%Y-%m-%d}. Its content was not read."
        )
    else:
        yield warning(
            check,
            "The secret still has its first content, so no command is sent.",
            "If your dispatch system sends commands, fill it: docs/deploying.md#let-your-dispatch-system-send-commands",
        )


def _has_recovery(client: Any, table: str) -> bool:
    backups = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    status: str = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus", "")
    return status == "ENABLED"


def _attributes(subject: Subject, output: str) -> dict[str, str]:
    answer: dict[str, str] = subject.stack.client("sqs").get_queue_attributes(
        QueueUrl=subject.stack.outputs[output],
        AttributeNames=["QueueArn", "RedrivePolicy", "MessageRetentionPeriod", "KmsMasterKeyId"],
    )["Attributes"]
    return answer
