"""What stands in the way of removing a stack: what CloudFormation would fail at, and what would be lost."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.lib import aws_error
from cli.lib.aws_session import outputs_of
from cli.lib.deploying.failure import is_in_progress
from cli.lib.leftovers import resources_of
from cli.lib.retained import Connect
from vectorcare_bridge.edge.queue import queue_depth


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """What stands in the way, and what to do about it."""

    what: str
    remedy: str


@dataclass(kw_only=True)
class Survey:
    """What was found; `not_checked` has the reasons by what it was."""

    obstacles: list[Obstacle] = field(default_factory=list)
    not_checked: dict[str, str] = field(default_factory=dict)


# Outputs with a queue's URL, what its messages are, and what becomes of them if somebody acts.
_QUEUES: Mapping[str, tuple[str, str]] = {
    "QueueUrl": ("Webhooks that wait to be applied", "Wait until ./bridge status shows none"),
    "DeadLetterQueueUrl": (
        "Webhooks that are dead letters, not applied",
        "./bridge dlq redrive applies them; ./bridge dlq export keeps them in a file",
    ),
    "OutboundQueueUrl": ("Commands that wait to be sent", "Wait until ./bridge status shows none"),
    "OutboundDeadLetterQueueUrl": (
        "Commands that are dead letters, not sent",
        "./bridge dlq export --queue outbound keeps them in a file",
    ),
    "UnpublishedQueueUrl": (
        "Changes that were not published",
        "./bridge dlq redrive --queue unpublished publishes them",
    ),
}


def survey(connect: Connect, stack: str) -> Survey | None:
    """Look for all that stands in the way of removing a stack; None if there is no such stack.

    Raises
    ------
    BotoCoreError, ClientError
        AWS does not describe the stack.
    """
    try:
        (described,) = connect("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        # CloudFormation's code for a stack that does not exist (API reference, DescribeStacks).
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    found = Survey(obstacles=[*_of_stack(described)])
    outputs = outputs_of({"Stacks": [described]})
    checks: Mapping[str, Callable[[], Iterator[Obstacle]]] = {
        "rules on the event bus": lambda: _rules(connect, stack),
        "who has the stack's policies": lambda: _policies(connect, stack),
        "domains of the APIs": lambda: _domains(connect, stack),
        "messages in the queues": lambda: _messages(connect, outputs),
        "webhooks in the spool": lambda: _spooled(connect, outputs),
    }
    for what, check in checks.items():
        try:
            found.obstacles += check()
        except (BotoCoreError, ClientError) as error:
            found.not_checked[what] = aws_error.explain(error)
    return found


def _of_stack(described: Mapping[str, Any]) -> Iterator[Obstacle]:
    name, status = described["StackName"], described["StackStatus"]
    if is_in_progress(status):
        yield Obstacle(what=f"The stack is busy: {status}.", remedy="Wait until CloudFormation is done.")
    if described.get("EnableTerminationProtection"):
        yield Obstacle(
            what="The stack is protected from termination.",
            remedy="If it is really to go: aws cloudformation update-termination-protection "
            f"--no-enable-termination-protection --stack-name {name}",
        )


def _rules(connect: Connect, stack: str) -> Iterator[Obstacle]:
    """Find rules of others: EventBridge deletes no bus that has rules (API reference, DeleteEventBus)."""
    resources = resources_of(connect, stack)
    own = {resource["PhysicalResourceId"].rpartition("|")[2] for resource in resources}
    for resource in resources:
        if resource["ResourceType"] != "AWS::Events::EventBus":
            continue
        bus = resource["PhysicalResourceId"]
        pages = connect("events").get_paginator("list_rules").paginate(EventBusName=bus)
        for name in (rule["Name"] for page in pages for rule in page["Rules"]):
            if name not in own:
                yield Obstacle(
                    what=f"A subscriber's rule is on the event bus: {name}.",
                    remedy="Remove it where it was made; by hand: aws events remove-targets and aws events "
                    f"delete-rule, with --event-bus-name {bus}",
                )


def _policies(connect: Connect, stack: str) -> Iterator[Obstacle]:
    """Find whom the stack's policies are attached to: IAM deletes none that is (API reference, DeletePolicy)."""
    iam = connect("iam")
    for resource in resources_of(connect, stack):
        if resource["ResourceType"] != "AWS::IAM::ManagedPolicy":
            continue
        arn = resource["PhysicalResourceId"]
        for page in iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn):
            for kind, key, name in _HOLDERS:
                for holder in page.get(key, []):
                    yield Obstacle(
                        what=f"The {kind} {holder[name]} has the stack's policy {arn.rpartition('/')[2]}.",
                        remedy=f"Detach it where it was attached; by hand: aws iam detach-{kind}-policy "
                        f"--{kind}-name {holder[name]} --policy-arn {arn}",
                    )


def _domains(connect: Connect, stack: str) -> Iterator[Obstacle]:
    """Find domains that lead to the stack's APIs and are not its own any more: API Gateway deletes no such API."""
    resources = resources_of(connect, stack)
    own = {resource["PhysicalResourceId"] for resource in resources}
    apis = {each["PhysicalResourceId"] for each in resources if each["ResourceType"] == "AWS::ApiGateway::RestApi"}
    gateway = connect("apigateway")
    for page in gateway.get_paginator("get_domain_names").paginate():
        for domain in (each["domainName"] for each in page["items"]):
            mappings = gateway.get_base_path_mappings(domainName=domain).get("items", [])
            if domain not in own and any(mapping["restApiId"] in apis for mapping in mappings):
                yield Obstacle(
                    what=f"The domain {domain}, which the file does not name any more, leads to the stack's API.",
                    remedy=f"If nobody calls it: aws apigateway delete-domain-name --domain-name {domain}",
                )


_HOLDERS = (
    ("role", "PolicyRoles", "RoleName"),
    ("user", "PolicyUsers", "UserName"),
    ("group", "PolicyGroups", "GroupName"),
)


def _messages(connect: Connect, outputs: Mapping[str, str]) -> Iterator[Obstacle]:
    for output, (what, remedy) in _QUEUES.items():
        if output not in outputs:
            continue  # the stack was never complete
        url = outputs[output]
        try:
            count = queue_depth(connect("sqs"), url).total
        except ClientError as error:
            if "NonExistentQueue" in error.response["Error"]["Code"]:
                continue  # an earlier attempt has removed it
            raise
        if count:
            yield Obstacle(
                what=f"{what}: {count:,}. They go with the queue.",
                remedy=f"{remedy}. To give them up: aws sqs purge-queue --queue-url {url}",
            )


def _spooled(connect: Connect, outputs: Mapping[str, str]) -> Iterator[Obstacle]:
    if "SpoolBucket" not in outputs:
        return
    bucket = outputs["SpoolBucket"]
    answer = connect("s3").list_objects_v2(Bucket=bucket)
    if answer["KeyCount"]:
        count = f"{'more than ' * answer['IsTruncated']}{answer['KeyCount']:,}"
        yield Obstacle(
            what=f"Webhooks that wait in the spool {bucket}: {count}. They stay there, but nothing will apply them.",
            remedy="The drain moves them to the queue within a minute or two. To give them up: "
            f"aws s3 rm s3://{bucket} --recursive",
        )
