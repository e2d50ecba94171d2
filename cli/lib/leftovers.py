"""What removed stacks have left behind in an account and region, and its removal."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.lib import aws_error, retained
from cli.lib.deploying.failure import is_in_progress
from cli.lib.errors import BridgeError
from cli.lib.retained import KINDS, Connect, Kind, Retained, kind_of_table, organization_of
from stacks.common.tags import ORGANIZATION_TAG, PRODUCT, PRODUCT_TAG
from stacks.config.organization import STACK_PREFIX

# The longest that KMS offers: until then, the key can be had back, and with it what DynamoDB keeps of deleted tables.
KEY_DELETION_DAYS = 30
_MOST_DELETED_AT_ONCE = 1000  # objects ("DeleteObjects", S3 API reference)
_TABLE_IS_FREE = {"delay": 2, "max_attempts": 150}


@dataclass(kw_only=True)
class Found:
    """What a search has found.

    Attributes
    ----------
    leftovers : list of Retained
        By organization, in the order in which they are to be removed.
    not_looked_at : dict of str to str
        Kinds of resources that AWS does not show, and why.
    busy : set of str
        Organizations whose stack is being created, updated or deleted: what they have may change now.
    """

    leftovers: list[Retained] = field(default_factory=list)
    not_looked_at: dict[str, str] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)


def find(connect: Connect, organization: str | None) -> Found:
    """Find what no existing stack has among its resources, of one organization or of all.

    Of existing stacks, these are the old versions of their functions. Resources are known by the names that
    CloudFormation gave them, keys by their description, log groups also by their key, buckets also by their tags.

    Raises
    ------
    BotoCoreError, ClientError
        AWS does not say what the existing stacks have: then leftovers cannot be recognized.
    """
    found, owned, known = Found(), set[str](), _Known()
    for stack, status in _stacks(connect).items():
        whose = stack.removeprefix(STACK_PREFIX)
        resources = resources_of(connect, stack)
        owned |= {resource["PhysicalResourceId"] for resource in resources}
        if is_in_progress(status):
            found.busy.add(whose)
        for resource in resources:
            if resource["ResourceType"] == "AWS::Lambda::Function":
                known.functions[resource["PhysicalResourceId"]] = whose
    for what, search in _SEARCHES.items():
        try:
            for kind, name, whose in search(connect, known):
                # Of a function that exists, only old versions are left over.
                if (name in owned and kind is not Kind.VERSIONS) or not _is(whose, organization):
                    continue
                one = retained.look_at(connect, kind, name, whose)
                if one:
                    found.leftovers.append(one)
        except (BotoCoreError, ClientError) as error:
            found.not_looked_at[what] = aws_error.explain(error)
    order = list(Kind)
    found.leftovers.sort(key=lambda one: (one.organization.casefold(), order.index(one.kind), one.name))
    return found


def resources_of(connect: Connect, stack: str) -> list[dict[str, Any]]:
    """Read what a stack consists of: `LogicalResourceId`, `PhysicalResourceId` and `ResourceType` of each resource."""
    pages = connect("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return [
        resource
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource.get("PhysicalResourceId")  # none yet, while it is being created
    ]


def will_stay(connect: Connect, stack: str, organization: str) -> list[Retained]:
    """Find what will stay when a stack is removed, by its own template."""
    try:
        template = connect("cloudformation").get_template(StackName=stack)["TemplateBody"]["Resources"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return []  # a stack that is only in review has none yet
    staying = [
        retained.look_at(connect, KINDS[resource["ResourceType"]], resource["PhysicalResourceId"], organization)
        for resource in resources_of(connect, stack)
        if resource["ResourceType"] in KINDS
        and str(template.get(resource["LogicalResourceId"], {}).get("DeletionPolicy")).startswith("Retain")
    ]
    order = list(Kind)
    return sorted(filter(None, staying), key=lambda one: (order.index(one.kind), one.name))


def remove(connect: Connect, leftover: Retained) -> None:
    """Remove a resource with all that it holds; a key only after `KEY_DELETION_DAYS`.

    Raises
    ------
    BridgeError
        It could not be emptied.
    """
    _REMOVE[leftover.kind](connect, leftover.name)


def organization_of_key(description: str) -> str | None:
    """Read the organization out of what stacks/common/encryption.py writes."""
    found = re.match(rf"{STACK_PREFIX}([A-Za-z0-9-]+): ", description)
    return found[1] if found else None


def organization_of_bucket(name: str) -> str | None:
    """Read the organization, in small letters, out of a spool's name, unless that was cut short."""
    found = re.match(rf"{STACK_PREFIX.lower()}(.+)-inboundspoolbucket", name)
    return found[1] if found else None


def _is(whose: str, organization: str | None) -> bool:
    return organization is None or whose.casefold() == organization.casefold()  # a bucket's name has small letters


def _stacks(connect: Connect) -> dict[str, str]:
    pages = connect("cloudformation").get_paginator("list_stacks").paginate()
    return {
        stack["StackName"]: stack["StackStatus"]
        for page in pages
        for stack in page["StackSummaries"]
        if stack["StackName"].startswith(STACK_PREFIX) and stack["StackStatus"] != "DELETE_COMPLETE"
    }


_Named = tuple[Kind, str, str]
"""A resource's kind, its name, and whose it is."""


@dataclass(kw_only=True)
class _Known:
    """What one search has found for others: whose it is, by a key's ARN, and by a function's name."""

    keys: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)


def _keys(connect: Connect, known: _Known) -> Iterator[_Named]:
    """Find the keys; note the ARN of each, because log groups name it."""
    kms = connect("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for entry in page["Keys"]:
            try:
                key = kms.describe_key(KeyId=entry["KeyId"])["KeyMetadata"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "AccessDeniedException":
                    raise
                continue  # somebody else's: its policy shows it to nobody here
            whose = organization_of_key(key.get("Description", ""))
            if whose and key["KeyManager"] == "CUSTOMER":
                known.keys[key["Arn"]] = whose
                yield Kind.KEY, key["KeyId"], whose


def _log_groups(connect: Connect, known: _Known) -> Iterator[_Named]:
    for page in connect("logs").get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            whose = organization_of(group["logGroupName"]) or known.keys.get(group.get("kmsKeyId", ""))
            if whose:
                yield Kind.LOG_GROUP, group["logGroupName"], whose


def _tables(connect: Connect, _known: _Known) -> Iterator[_Named]:
    for page in connect("dynamodb").get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            whose = organization_of(name)
            if whose:
                yield kind_of_table(name), name, whose


def _buckets(connect: Connect, _known: _Known) -> Iterator[_Named]:
    s3 = connect("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        if not name.startswith(STACK_PREFIX.lower()):
            continue
        # S3 lists the buckets of all regions, and those of the others may belong to stacks there.
        if (s3.get_bucket_location(Bucket=name)["LocationConstraint"] or "us-east-1") != s3.meta.region_name:
            continue
        whose = _tagged(s3, name) or organization_of_bucket(name)
        if whose:
            yield Kind.BUCKET, name, whose


def _tagged(s3: Any, bucket: str) -> str | None:
    """Read whose a bucket is out of its tags: a long name of a stack is cut short in the bucket's."""
    try:
        tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchTagSet":
            raise
        return None
    if tags.get(PRODUCT_TAG) == PRODUCT:
        return tags.get(ORGANIZATION_TAG)
    stack = tags.get("aws:cloudformation:stack-name", "")
    return stack.removeprefix(STACK_PREFIX) if stack.startswith(STACK_PREFIX) else None


def _role(connect: Connect, _known: _Known) -> Iterator[_Named]:
    """Find the role by which API Gateway writes logs, in this region only: roles have none, and stacks elsewhere."""
    name = connect("apigateway").get_account().get("cloudwatchRoleArn", "").rpartition("/")[2]
    # A role's name has 64 characters at most, for which CloudFormation cuts the logical id.
    found = re.fullmatch(rf"{STACK_PREFIX}(.+)-[A-Za-z0-9]+-[A-Za-z0-9]+", name)
    if found:
        yield Kind.ROLE, name, found[1]


def _versions(_connect: Connect, known: _Known) -> Iterator[_Named]:
    for function, whose in known.functions.items():
        yield Kind.VERSIONS, function, whose


# The keys come first: the log groups need them.
_SEARCHES: Mapping[str, Callable[[Connect, _Known], Iterator[_Named]]] = {
    "keys": _keys,
    "tables": _tables,
    "log groups": _log_groups,
    "buckets": _buckets,
    "API Gateway's role": _role,
    "versions of the functions": _versions,
}


def _remove_versions(connect: Connect, name: str) -> None:
    for version in retained.old_versions(connect, name):
        connect("lambda").delete_function(FunctionName=name, Qualifier=version["Version"])


def _remove_table(connect: Connect, name: str) -> None:
    dynamodb = connect("dynamodb")
    if dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=_TABLE_IS_FREE)
    dynamodb.delete_table(TableName=name)
    dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig=_TABLE_IS_FREE)


def _remove_bucket(connect: Connect, name: str) -> None:
    s3 = connect("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name, MaxKeys=_MOST_DELETED_AT_ONCE):
        versions = [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        ]
        if versions and s3.delete_objects(Bucket=name, Delete={"Objects": versions, "Quiet": True}).get("Errors"):
            raise BridgeError("S3 did not delete all objects. Run the command again.")
    s3.delete_bucket(Bucket=name)


def _remove_role(connect: Connect, name: str) -> None:
    """Take the role from API Gateway's account settings of the region, then delete it."""
    connect("apigateway").update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}])
    iam = connect("iam")
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)


_REMOVE: Mapping[Kind, Callable[[Connect, str], Any]] = {
    Kind.VERSIONS: _remove_versions,
    Kind.ROLE: _remove_role,
    Kind.LOG_GROUP: lambda connect, name: connect("logs").delete_log_group(logGroupName=name),
    Kind.BUCKET: _remove_bucket,
    Kind.TABLE: _remove_table,
    Kind.RESTORED_TABLE: _remove_table,
    Kind.KEY: lambda connect, name: connect("kms").schedule_key_deletion(
        KeyId=name, PendingWindowInDays=KEY_DELETION_DAYS
    ),
}
