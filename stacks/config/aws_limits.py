"""AWS's limits, checked against an organization's file before a deployment would fail and roll back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.config import environment, resource_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.config.organization import Organization

# Lambda Developer Guide, "Lambda quotas": environment variables, for all of a function's together.
ENVIRONMENT_BYTES = 4096
# API Gateway Developer Guide, "Quotas for configuring and running a REST API": length of a resource policy.
RESOURCE_POLICY_CHARACTERS = 8192
# CloudFormation User Guide, "Understand CloudFormation quotas": resources in a template.
TEMPLATE_RESOURCES = 500
# How many resources a stack may have besides its e-mail addresses; the largest has half as many.
STACK_RESOURCES = 250

Problem = tuple[tuple[str, ...], str]
"""The keys that cause it, the one to change first; and what is wrong."""

_KEYS, _FORMER = "remove the keys that no longer sign", "remove those that VectorCare no longer calls"


def problems(organization: Organization) -> Iterator[Problem]:
    """Name what would exceed a limit of AWS, with the figure and the limit."""
    former, keys = len(",".join(organization.former_customer_ids)), len(organization.encoded_public_keys)
    key, fix = ("former_customer_ids", _FORMER) if former > keys else ("public_keys", _KEYS)
    yield from _environment(organization, "ingest", key, fix)
    yield from _environment(organization, "publisher", "publish_actions", 'list fewer, or "*" for all')
    if organization.twin and organization.twin.reconcile:
        yield from _environment(organization, "reconcile", "public_keys", _KEYS)
    urls = {"vectorcare_api_url": len(organization.api_url), "vectorcare_token_url": len(organization.token_url)}
    yield from _environment(organization, "sender", max(urls, key=lambda key: urls[key]), "shorten it")
    characters = resource_policy.size(organization.allowed_source_ips)
    if characters > RESOURCE_POLICY_CHARACTERS:
        yield (
            ("allowed_source_ips",),
            f"makes a resource policy of {characters:,} characters, and API Gateway allows "
            f"{RESOURCE_POLICY_CHARACTERS:,}; join neighbouring networks into larger ones, or list fewer",
        )
    resources = STACK_RESOURCES + len(organization.alarm_emails)
    if resources > TEMPLATE_RESOURCES:
        yield (
            ("alarm_emails",),
            f"makes a stack of {resources:,} resources, {STACK_RESOURCES} of its own and one for each address, and "
            f"CloudFormation allows {TEMPLATE_RESOURCES}; name a mailing list instead",
        )


def _environment(organization: Organization, service: str, key: str, fix: str) -> Iterator[Problem]:
    measured = environment.size(environment.longest(organization, service))
    if measured > ENVIRONMENT_BYTES:
        yield (
            (key,),
            f"makes an environment of {measured:,} bytes for the function {service}, and Lambda allows "
            f"{ENVIRONMENT_BYTES:,}; {fix}",
        )
