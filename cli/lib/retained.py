"""What stays when a stack is removed: what it holds, and what it costs a month."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from stacks.config.organization import STACK_PREFIX
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge import runtime

PRICES_SOURCE = "list prices of us-east-1 in November 2026"
# US dollars a month: the pricing pages of DynamoDB (standard tables; recovery to a point in time), S3 (Standard),
# CloudWatch (stored logs) and KMS. A key costs as much again for each of its first two rotations, one a year, and
# nothing while it waits for its deletion.
_TABLE_GB, _RECOVERY_GB, _BUCKET_GB, _LOGS_GB = 0.25, 0.20, 0.023, 0.03
_KEY, _MOST_PAID_ROTATIONS = 1.00, 2
_GB = 1024**3
KEPT_VERSIONS = 10
"""Versions of each function that `bridge rollback` can go back to, the one that runs included."""
_RESTORED = re.compile(r"-restored-\d{8}T\d{6}Z$")  # as cli/lib/restored_table.py writes it
_YEAR_SECONDS = 365 * 86400

Connect = Callable[[str], Any]
"""Returns the boto3 client of a service."""


class Kind(StrEnum):
    """The kinds of resources that stay; the order is that in which they are removed."""

    VERSIONS = "old versions"
    ROLE = "API Gateway's role"
    LOG_GROUP = "log group"
    BUCKET = "spool bucket"
    TABLE = "table"
    RESTORED_TABLE = "restored table"
    KEY = "key"


KINDS: Mapping[str, Kind] = {
    "AWS::IAM::Role": Kind.ROLE,
    "AWS::Logs::LogGroup": Kind.LOG_GROUP,
    "AWS::S3::Bucket": Kind.BUCKET,
    "AWS::DynamoDB::Table": Kind.TABLE,
    "AWS::KMS::Key": Kind.KEY,
}
"""By CloudFormation's type; a stack has no other kinds that outlive it and can be seen."""


@dataclass(frozen=True, kw_only=True)
class Retained:
    """A resource that a stack has left behind, or will leave behind.

    Attributes
    ----------
    organization : str
        Whose; of a bucket without tags in small letters, as in its name.
    holds : str
        How much is in it, for a person.
    dollars : float
        What it costs a month, roughly.
    webhooks : int
        Webhooks that are nowhere else: those that wait in the spool.
    obstacle : str
        Why it cannot be removed now; empty if it can.
    """

    organization: str
    kind: Kind
    name: str
    holds: str = ""
    dollars: float = 0.0
    webhooks: int = 0
    obstacle: str = ""


def organization_of(name: str) -> str | None:
    """Read the organization out of a name that CloudFormation has made: stack, logical id, random characters.

    A logical id of CDK's ends with a digest. So a name that somebody else has thought of is no such name.
    """
    found = re.fullmatch(
        rf"(?:.*/)?{STACK_PREFIX}(.+)-[A-Za-z0-9]+[0-9A-F]{{8}}-[A-Za-z0-9]{{12,13}}", _RESTORED.sub("", name)
    )
    return found[1] if found else None


def kind_of_table(name: str) -> Kind:
    """Tell a table from one that `bridge restore` has made beside it."""
    return Kind.RESTORED_TABLE if _RESTORED.search(name) else Kind.TABLE


def look_at(connect: Connect, kind: Kind, name: str, organization: str) -> Retained | None:
    """Describe a resource; None if there is none."""
    try:
        return _LOOK[kind](connect, name, organization)
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return None
        raise


_ABSENT = {"ResourceNotFoundException", "NotFoundException", "NoSuchBucket", "NoSuchEntity"}


def _table(connect: Connect, name: str, organization: str) -> Retained:
    table = connect("dynamodb").describe_table(TableName=name)["Table"]
    own = table.get("TableSizeBytes", 0)
    indexes = sum(index.get("IndexSizeBytes", 0) for index in table.get("GlobalSecondaryIndexes", []))
    return Retained(
        organization=organization,
        kind=kind_of_table(name),
        name=name,
        holds=f"{table.get('ItemCount', 0):,} items, {_size(own + indexes)}",
        dollars=(own + indexes) / _GB * _TABLE_GB + own / _GB * _RECOVERY_GB,
        obstacle="" if table["TableStatus"] == "ACTIVE" else f"it is {table['TableStatus']}; wait",
    )


def _key(connect: Connect, name: str, organization: str) -> Retained:
    key = connect("kms").describe_key(KeyId=name)["KeyMetadata"]
    if key["KeyState"] == "PendingDeletion":
        day = utc_timestamp.of(key["DeletionDate"])[:10]
        holds, dollars, obstacle = "", 0.0, f"it will be deleted on {day}"
    else:
        age = utc_timestamp.seconds_between(utc_timestamp.of(key["CreationDate"]), runtime.now())
        dollars = _KEY * (1 + min(_MOST_PAID_ROTATIONS, int(age // _YEAR_SECONDS)))
        holds, obstacle = "what the tables and log groups are encrypted with", ""
    return Retained(
        organization=organization, kind=Kind.KEY, name=name, holds=holds, dollars=dollars, obstacle=obstacle
    )


def _bucket(connect: Connect, name: str, organization: str) -> Retained:
    webhooks = size = 0
    for page in connect("s3").get_paginator("list_object_versions").paginate(Bucket=name):
        versions = page.get("Versions", [])
        webhooks += sum(version["IsLatest"] for version in versions)
        size += sum(version["Size"] for version in versions)
    return Retained(
        organization=organization,
        kind=Kind.BUCKET,
        name=name,
        holds=f"webhooks that no table has: {webhooks:,}; {_size(size)}" if webhooks else f"no webhooks, {_size(size)}",
        dollars=size / _GB * _BUCKET_GB,
        webhooks=webhooks,
    )


def _log_group(connect: Connect, name: str, organization: str) -> Retained | None:
    groups = connect("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    found = next((group for group in groups if group["logGroupName"] == name), None)
    return log_group(found, organization) if found else None


def log_group(group: Mapping[str, Any], organization: str) -> Retained:
    """Describe a log group as DescribeLogGroups returns it."""
    size = group.get("storedBytes", 0)
    return Retained(
        organization=organization,
        kind=Kind.LOG_GROUP,
        name=group["logGroupName"],
        holds=_size(size),
        dollars=size / _GB * _LOGS_GB,
    )


def _role(connect: Connect, name: str, organization: str) -> Retained:
    connect("iam").get_role(RoleName=name)
    used = connect("apigateway").get_rest_apis(limit=1)["items"] or any(
        api["ProtocolType"] == "WEBSOCKET"
        for page in connect("apigatewayv2").get_paginator("get_apis").paginate()
        for api in page["Items"]
    )
    return Retained(
        organization=organization,
        kind=Kind.ROLE,
        name=name,
        holds="nothing; all APIs of this account and region write their logs through it",
        obstacle="there are APIs in this account and region, which may need it" if used else "",
    )


def _versions(connect: Connect, name: str, organization: str) -> Retained | None:
    old = old_versions(connect, name)
    if not old:
        return None
    size = sum(version["CodeSize"] for version in old)
    return Retained(
        organization=organization,
        kind=Kind.VERSIONS,
        name=name,
        holds=f"{len(old)} versions of the function, {_size(size)} of the account's 75 GB for code",
    )


def old_versions(connect: Connect, function: str) -> list[Mapping[str, Any]]:
    """Find a function's versions that no alias is at, without the newest `KEPT_VERSIONS`."""
    client = connect("lambda")
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    versions = [version for page in pages for version in page["Versions"] if version["Version"] != "$LATEST"]
    versions.sort(key=lambda version: int(version["Version"]), reverse=True)
    live: set[str] = set()
    for page in client.get_paginator("list_aliases").paginate(FunctionName=function):
        for alias in page["Aliases"]:
            live |= {alias["FunctionVersion"], *alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})}
    return [version for version in versions[KEPT_VERSIONS:] if version["Version"] not in live]


_LOOK: Mapping[Kind, Callable[[Connect, str, str], Retained | None]] = {
    Kind.TABLE: _table,
    Kind.RESTORED_TABLE: _table,
    Kind.KEY: _key,
    Kind.BUCKET: _bucket,
    Kind.LOG_GROUP: _log_group,
    Kind.ROLE: _role,
    Kind.VERSIONS: _versions,
}


_NEXT_UNIT = 1024


def _size(size: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if size < _NEXT_UNIT:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= _NEXT_UNIT
    return f"{size:.1f} GB"
