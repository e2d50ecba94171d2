"""The functions' environment variables from an organization's file, and their size."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stacks.config.organization import Organization

METRICS_NAMESPACE = "VectorCareBridge"

# The longest values of what only a deployment knows.
_REGION = "ap-southeast-1"
_ACCOUNT = "123456789012"
_PARTITION = "aws-us-gov"
_LOGICAL_ID = "L" * 48
_RANDOM = "R" * 13
_LONGEST = {"queue": 80, "bucket": 63, "table": 255}


def common(service: str, organization: str) -> dict[str, str]:
    """Return the variables of every function; `service` is its handler's folder, and its name in logs and metrics."""
    return {
        "POWERTOOLS_SERVICE_NAME": service,
        "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
        "ORGANIZATION": organization,
    }


def of_file(organization: Organization, service: str) -> dict[str, str]:
    """Return the variables that come from the organization's file; none for functions that are not named here."""
    match service:
        case "ingest":
            return {
                "CUSTOMER_ID": organization.customer_id,
                "FORMER_CUSTOMER_IDS": ",".join(organization.former_customer_ids),
                "DOMAIN_NAME": organization.domain_name or "",
                "PUBLIC_KEYS": organization.encoded_public_keys,
            }
        case "processor":
            return {
                "ORDER_BY": organization.order_by,
                "STATE_RETENTION_DAYS": str(organization.state_retention_days),
                "JOURNAL_RETENTION_DAYS": str(organization.journal_retention_days),
            }
        case "reconcile":
            return {
                "PUBLIC_KEYS": organization.encoded_public_keys,
                "JOURNAL_RETENTION_DAYS": str(organization.journal_retention_days),
            }
        case "publisher":
            return {
                "PUBLISH_ACTIONS": ",".join(organization.publish_actions),
                "PUBLISH_DATA": str(organization.publish_data).lower(),
            }
        case "sender":
            return {
                "VECTORCARE_API_URL": organization.api_url,
                # Empty if it is not known: then no command is sent, and the function logs why.
                "VECTORCARE_TOKEN_URL": organization.token_url,
            }
    return {}


def longest(organization: Organization, service: str) -> dict[str, str]:
    """Return all variables of a function, with the longest names that a deployment can give its resources."""
    return (
        common(service, organization.name)
        | _deployed(organization.stack_name).get(service, {})
        | of_file(organization, service)
    )


def size(environment: Mapping[str, str]) -> int:
    """Measure an environment in bytes as Lambda does, as JSON: its error says "String measured"."""
    return len(json.dumps(environment, separators=(",", ":"), ensure_ascii=False).encode())


def _deployed(stack: str) -> dict[str, dict[str, str]]:
    """Return the variables that name resources, for the functions that have others from the file."""
    return {
        "ingest": {"QUEUE_URL": _queue(f"{stack}-inbound"), "SPOOL_BUCKET": _generated(stack, "bucket")},
        "processor": {
            "QUEUE_URL": _queue(f"{stack}-inbound"),
            "EVENTS_TABLE": _generated(stack, "table"),
            "SERVICE_REQUESTS_TABLE": _generated(stack, "table"),
        },
        "reconcile": {
            "QUEUE_URL": _queue(f"{stack}-inbound"),
            "EVENTS_TABLE": _generated(stack, "table"),
            "STACK_NAME": stack,
            "OTHER_REGION": _REGION,
        },
        "publisher": {"EVENT_BUS": stack, "UNPUBLISHED_QUEUE_URL": _queue(_generated(stack, "queue"))},
        "sender": {
            "OUTBOUND_QUEUE_URL": _queue(f"{stack}-outbound"),
            "OUTBOUND_DEAD_LETTER_QUEUE_URL": _queue(_generated(stack, "queue")),
            "COMMANDS_TABLE": _generated(stack, "table"),
            "EVENT_BUS": stack,
            "CREDENTIALS_SECRET": f"arn:{_PARTITION}:secretsmanager:{_REGION}:{_ACCOUNT}:secret:"
            f"{_LOGICAL_ID}-{_RANDOM}-{_RANDOM[:6]}",
        },
    }


def _queue(name: str) -> str:
    return f"https://sqs.{_REGION}.amazonaws.com/{_ACCOUNT}/{name}"


def _generated(stack: str, kind: str) -> str:
    """Make a name as CloudFormation does: stack, logical id and random characters, cut to what the service allows."""
    return f"{stack}-{_LOGICAL_ID}-{_RANDOM}"[: _LONGEST[kind]]
