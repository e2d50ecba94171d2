"""What is verified: a deployed stack, its resources, and the organization's file."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, urlsplit

from cli.lib.stack import Stack
from stacks.config.organization import Organization


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack, as CloudFormation lists it."""

    type: str
    logical_id: str
    physical_id: str


@dataclass(frozen=True, slots=True)
class Function:
    """One of the stack's functions."""

    service: str  # its name in logs and metrics, such as `ingest`
    target: str  # what its callers name: function and alias
    name: str
    alias: str  # empty if an earlier version of the bridge deployed it


@dataclass(frozen=True)
class Subject:
    """A deployed stack and the organization's file; None if there is no file to compare the stack with."""

    stack: Stack
    organization: Organization | None

    @property
    def is_local(self) -> bool:
        return self.stack.is_local

    @property
    def region(self) -> str:
        region: str = self.stack.client("lambda").meta.region_name
        return region

    @property
    def deploy(self) -> str:
        """The command that deploys the stack again."""
        return f"make deploy ORGANIZATION={self.stack.organization}"

    @cached_property
    def is_moving(self) -> bool:
        """Whether the organization's new domain does not lead to the API yet, and API Gateway's own URL is still on."""
        if "DefaultWebhookUrl" not in self.stack.outputs:
            return False
        host = urlsplit(self.stack.outputs["WebhookUrl"]).hostname or ""
        return not addresses(host) & addresses(self.stack.outputs["DomainTarget"])

    @cached_property
    def webhook_url(self) -> SplitResult:
        """The URL to look at: until a new domain leads to the API, the one that VectorCare still calls."""
        return urlsplit(self.stack.outputs["DefaultWebhookUrl" if self.is_moving else "WebhookUrl"])

    @cached_property
    def has_address(self) -> bool:
        """Whether DNS knows the URL; if not, only the check of the name has something to say."""
        return self.is_local or bool(addresses(self.webhook_url.hostname or ""))

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """All resources of the stack; errors are AWS's."""
        pages = (
            self.stack.client("cloudformation")
            .get_paginator("list_stack_resources")
            .paginate(StackName=self.stack.name)
        )
        return tuple(
            Resource(each["ResourceType"], each["LogicalResourceId"], each.get("PhysicalResourceId", ""))
            for page in pages
            for each in page["StackResourceSummaries"]
        )

    def of_type(self, kind: str) -> Iterator[Resource]:
        """Give the stack's resources of a type, such as `AWS::Lambda::Alias`."""
        return (resource for resource in self.resources if resource.type == kind)

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """The stack's functions, from its outputs."""
        targets = {
            name.removesuffix("Function").lower(): target
            for name, target in self.stack.outputs.items()
            if name.endswith("Function")
        }
        return tuple(
            Function(service, target, target.partition(":")[0], target.partition(":")[2])
            for service, target in sorted(targets.items())
        )

    def function_of(self, arn: str) -> Function | None:
        """Find the function that an ARN names, with or without a version or an alias."""
        return next((each for each in self.functions if each.name == arn.split(":")[6]), None)


def addresses(host: str) -> set[str]:
    """Look up a host's addresses; none if it has none, or nobody knows."""
    try:
        return {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()
