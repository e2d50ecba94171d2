"""The deployed stacks, of an AWS account or of the local environment."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from cli.lib.aws_session import open_session, outputs_of, unconfigured_session
from cli.lib.errors import BridgeError
from cli.lib.place import Place, read_place
from stacks.config.organization import STACK_PREFIX

_LOCAL_KEYS = (
    *("organization", "endpoint_url", "region", "access_key_id", "secret_access_key"),
    *("webhook_url", "health_url"),
)
_CONNECT_TIMEOUT, _READ_TIMEOUT = 5, 60  # seconds
_ATTEMPTS = 4  # the first included
_LONGEST_INVOCATION = 930  # seconds; the redrive function may take 900

# A stack in any other status has no resources, or is being deleted.
_STATUSES = [
    "CREATE_COMPLETE",
    "UPDATE_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
]

NOTHING_FOUND = (
    f"There is no stack {STACK_PREFIX}* in this account and region. Another account or region: --profile, --region. "
    "To deploy one: make deploy ORGANIZATION=name. The local environment: --local"
)


class Outputs(dict[str, str]):
    """A stack's outputs by name."""

    def __missing__(self, name: str) -> str:
        """Say what to do about a missing output."""
        raise BridgeError(
            f"The stack has no output {name}: it was deployed by an earlier version. Deploy it again: make deploy"
        )


@dataclass(frozen=True)
class Stack:
    """One organization's deployed stack, in an AWS account or in the local environment."""

    organization: str
    outputs: Mapping[str, str]
    client: Callable[[str], Any]  # returns the boto3 client of a service, the same one each time
    local_environment: Mapping[str, Any] | None = None  # the content of `stand.json`

    @property
    def name(self) -> str:
        return f"{STACK_PREFIX}{self.organization}"

    @property
    def is_local(self) -> bool:
        return self.local_environment is not None


def find(
    organization: str | None,
    *,
    local: bool,
    profile: str | None,
    region: str | None,
    stand_file: Path,
    organizations: Path,
) -> Stack:
    """Find the stack of an organization, or the only stack.

    Without a profile or a region, AWS's environment variables count, and then the organization's file in the folder
    `organizations`. `stand_file` is that of the local environment.

    Raises
    ------
    BridgeError
        There is no such stack, or there are several to choose from, or AWS refuses, or it is another account than the
        file's.
    """
    if local:
        return _find_local(organization, stand_file)
    place = read_place(organizations, organization)
    connect = _connect_to_place(place, profile, region)
    if organization is not None:
        return describe(organization, connect, hint=place.contradicted_by(region=region))
    names = _names(connect)
    if len(names) > 1:
        raise BridgeError(f"There are stacks of several organizations: {', '.join(names)}. Name one: --organization")
    return describe(names[0], connect)


def connect(
    organization: str | None, *, profile: str | None, region: str | None, organizations: Path
) -> Callable[[str], Any]:
    """Connect to where an organization's stack is, was, or will be; returns what makes the client of a service.

    Raises
    ------
    BridgeError
        It is another account than the organization's file says.
    """
    return _connect_to_place(read_place(organizations, organization), profile, region)


def just_deployed(organization: str, outputs: Mapping[str, str], *, profile: str | None, region: str | None) -> Stack:
    """Make the stack whose outputs a deployment has given; nothing is looked up."""
    return Stack(organization, Outputs(outputs), connect_to_aws(profile, region))


def _find_local(organization: str | None, stand_file: Path) -> Stack:
    try:
        environment = json.loads(stand_file.read_text(encoding="utf-8"))
    except OSError:
        raise BridgeError(
            f"The local environment does not run ({stand_file} is not there). Start it and leave it running: make run"
        ) from None
    except (ValueError, RecursionError):
        environment = None
    if not isinstance(environment, dict) or not all(isinstance(environment.get(key), str) for key in _LOCAL_KEYS):
        raise BridgeError(f"{stand_file} was not written by a local environment. Start one: make run")
    name = environment["organization"]
    if organization not in (None, name):
        raise BridgeError(f"The local environment runs for organization {name}, not {organization}.")
    return local_stack(environment)


def local_stack(environment: Mapping[str, Any]) -> Stack:
    """Find the stack of a local environment, given the content of its `stand.json`.

    Raises
    ------
    BridgeError
        The local environment does not answer.
    """
    name = environment["organization"]
    connect = _connect_locally(environment)
    try:
        stack = describe(name, connect)
    except EndpointConnectionError:
        raise BridgeError(
            f"The local environment at {environment['endpoint_url']} does not answer. Start it again: make run"
        ) from None
    # The API's names on AWS do not resolve here.
    urls = {"WebhookUrl": environment["webhook_url"], "HealthUrl": environment["health_url"]}
    return Stack(name, Outputs({**stack.outputs, **urls}), connect, environment)


def _connect_to_place(place: Place, profile: str | None, region: str | None) -> Callable[[str], Any]:
    """Connect to where an organization's file says, unless the options or the environment say otherwise."""
    connect = connect_to_aws(*place.settings(profile=profile, region=region))
    if place.account:
        place.require_account(connect("sts").get_caller_identity()["Account"])
    return connect


def connect_to_aws(profile: str | None, region: str | None) -> Callable[[str], Any]:
    """Connect to an account and region; None is what the environment variables say.

    Returns what makes the client of a service, the same one each time.

    Raises
    ------
    BridgeError
        The profile does not exist, or no region is set.
    """
    session = open_session(profile, region)

    @cache
    def connect(service: Any) -> Any:
        return session.client(service, config=_configuration(service))

    return connect


def _connect_locally(environment: Mapping[str, Any]) -> Callable[[str], Any]:
    session = boto3.Session(
        environment["access_key_id"],
        environment["secret_access_key"],
        region_name=environment["region"],
        botocore_session=unconfigured_session(),
    )

    @cache
    def connect(service: Any) -> Any:
        configuration = _configuration(service, proxies={}, s3={"addressing_style": "path"})
        return session.client(service, endpoint_url=environment["endpoint_url"], config=configuration)

    return connect


def _configuration(service: str, **more: Any) -> Config:
    is_invoking = service == "lambda"  # if an answer is lost, the function may still run, and must not run twice
    return Config(
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_LONGEST_INVOCATION if is_invoking else _READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": 1 if is_invoking else _ATTEMPTS},
        **more,
    )


def _names(connect: Callable[[str], Any]) -> list[str]:
    """Name the organizations that have a stack; there is one at least."""
    names = existing(connect)
    if not names:
        raise BridgeError(NOTHING_FOUND)
    return names


def existing(connect: Callable[[str], Any]) -> list[str]:
    """Name the organizations that have a stack where this connects to."""
    pages = connect("cloudformation").get_paginator("list_stacks").paginate(StackStatusFilter=_STATUSES)
    names = [stack["StackName"] for page in pages for stack in page["StackSummaries"]]
    return sorted(name.removeprefix(STACK_PREFIX) for name in names if name.startswith(STACK_PREFIX))


def describe(organization: str, connect: Callable[[str], Any], *, hint: str = "") -> Stack:
    """Describe an organization's stack; the hint is the end of the error.

    Raises
    ------
    BridgeError
        It has none there.
    """
    try:
        answer = connect("cloudformation").describe_stacks(StackName=f"{STACK_PREFIX}{organization}")
    except ClientError as error:
        # CloudFormation's code for a stack that does not exist (API reference, DescribeStacks).
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        region = connect("cloudformation").meta.region_name
        raise BridgeError(
            f"There is no stack {STACK_PREFIX}{organization} in region {region} of this account. The stacks there are: "
            f"{', '.join(existing(connect)) or 'none'}. Another account or region: --profile, --region{hint}"
        ) from None
    status = answer["Stacks"][0].get("StackStatus", "")
    if status.startswith(("ROLLBACK_", "CREATE_FAILED", "REVIEW_")):
        raise BridgeError(
            f"The stack {STACK_PREFIX}{organization} was never complete ({status}). Deploy it again: make deploy "
            f"ORGANIZATION={organization}; or remove it: ./bridge destroy {organization}"
        )
    return Stack(organization, Outputs(outputs_of(answer)), connect)
