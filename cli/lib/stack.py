"""The deployed stacks: found in an AWS account, or on the local stand."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from cli.lib.aws_error import explain

STACK_PREFIX = "VectorCareBridge-"
STAND_FILE = Path(__file__).resolve().parents[2] / ".local" / "stand.json"
"""What `make run` writes while it serves."""

_STAND_KEYS = (
    *("organization", "endpoint_url", "region", "access_key_id", "secret_access_key"),
    *("webhook_url", "health_url"),
)
_CONNECT_TIMEOUT, _READ_TIMEOUT, _ATTEMPTS = 5, 60, 4  # seconds, seconds, in all
_LONGEST_INVOCATION = 930  # seconds; the redrive function may take 900

# A stack in any other status has no resources to speak of, or is going.
_STANDING = [
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


class Outputs(dict[str, str]):
    """A stack's outputs by name."""

    def __missing__(self, name: str) -> str:
        """Say what it means that there is none of this name."""
        raise click.ClickException(
            f"The stack has no output {name}: it was deployed by an earlier version. Deploy it again: make deploy"
        )


@dataclass(frozen=True)
class Stack:
    """One organization's deployed stack.

    Attributes
    ----------
    organization : str
        Its name, without `VectorCareBridge-`.
    outputs : mapping of str to str
        The stack's outputs by name, as `stacks/bridge_stack.py` puts them out.
    connect : callable
        Makes a boto3 client of the service of that name, in the stack's account or on the stand.
    stand : mapping of str to Any or None
        Where it runs on the local stand: what `stand.json` says.
    """

    organization: str
    outputs: Mapping[str, str]
    connect: Callable[[str], Any]
    stand: Mapping[str, Any] | None = None

    @property
    def is_local(self) -> bool:
        """Whether it runs on the local stand."""
        return self.stand is not None

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service; the same one each time."""
        return self.connect(service)


def find(
    organization: str | None,
    *,
    local: bool,
    profile: str | None = None,
    region: str | None = None,
    stand_file: Path = STAND_FILE,
) -> Stack:
    """Find the stack of an organization, or the only one that there is.

    Parameters
    ----------
    organization : str or None
        Whose; None takes the only one.
    local : bool
        On the local stand instead of AWS.
    profile, region : str or None
        As for the AWS command line; None is what the environment says.
    stand_file : Path
        The `stand.json` of the local stand.

    Raises
    ------
    click.ClickException
        There is none, or there are several to choose from, or AWS does not let us look; with what to do.
    """
    if local:
        return _find_local(organization, stand_file)
    connect = _connect_to_aws(profile, region)
    if organization is None:
        return _only(_names(connect), connect)
    return _describe(organization, connect)


def find_all(
    *, local: bool, profile: str | None = None, region: str | None = None, stand_file: Path = STAND_FILE
) -> list[Stack]:
    """Find the stacks of all organizations, in the order of their names; the parameters are those of `find`.

    Raises
    ------
    click.ClickException
        There is none, or AWS does not let us look; with what to do.
    """
    if local:
        return [_find_local(None, stand_file)]
    connect = _connect_to_aws(profile, region)
    names = _names(connect)
    if not names:
        raise _none_found()
    return [_describe(name, connect) for name in names]


def _find_local(organization: str | None, stand_file: Path) -> Stack:
    try:
        stand = json.loads(stand_file.read_text(encoding="utf-8"))
    except OSError:
        raise click.ClickException(
            f"No local stand is serving ({stand_file} is not there). Start one and leave it running: make run"
        ) from None
    except (ValueError, RecursionError):
        stand = None
    if not isinstance(stand, dict) or not all(isinstance(stand.get(key), str) for key in _STAND_KEYS):
        raise click.ClickException(f"{stand_file} is not what a local stand writes. Start another: make run")
    name = stand["organization"]
    if organization not in (None, name):
        raise click.ClickException(f"The local stand runs for organization {name}, not {organization}.")
    return on_stand(stand)


def on_stand(stand: Mapping[str, Any]) -> Stack:
    """Give the stack of a local stand, whose `stand.json` is given.

    Raises
    ------
    click.ClickException
        It does not answer.
    """
    name = stand["organization"]
    connect = _connect_to_stand(stand)
    try:
        stack = _describe(name, connect)
    except EndpointConnectionError:
        raise click.ClickException(
            f"The local stand at {stand['endpoint_url']} does not answer. Start it anew: make run"
        ) from None
    # The names that AWS would give the API do not resolve here.
    urls = {"WebhookUrl": stand["webhook_url"], "HealthUrl": stand["health_url"]}
    return Stack(name, Outputs({**stack.outputs, **urls}), connect, stand)


def _connect_to_aws(profile: str | None, region: str | None) -> Callable[[str], Any]:
    try:
        # boto3 does not read AWS_REGION, which the AWS and CDK command lines do.
        session = boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION"))
    except BotoCoreError as error:
        raise explain(error) from None
    if not session.region_name:
        raise click.ClickException(
            "No AWS region is set. Name the stack's: --region us-east-1, or export AWS_REGION=us-east-1"
        )

    @cache
    def connect(service: Any) -> Any:
        return session.client(service, config=_configuration(service))

    return connect


def _connect_to_stand(stand: Mapping[str, Any]) -> Callable[[str], Any]:
    # AWS_PROFILE may name what is not there, and nothing of the user's own settings shall lead elsewhere.
    nowhere = (None, None, os.devnull, None)
    unconfigured = botocore.session.Session(
        session_vars={"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
    )
    session = boto3.Session(
        stand["access_key_id"],
        stand["secret_access_key"],
        region_name=stand["region"],
        botocore_session=unconfigured,
    )

    @cache
    def connect(service: Any) -> Any:
        configuration = _configuration(service, proxies={}, s3={"addressing_style": "path"})
        return session.client(service, endpoint_url=stand["endpoint_url"], config=configuration)

    return connect


def _configuration(service: str, **more: Any) -> Config:
    is_invoking = service == "lambda"  # a function may run on behind a lost answer, and shall not run twice
    return Config(
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_LONGEST_INVOCATION if is_invoking else _READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": 1 if is_invoking else _ATTEMPTS},
        **more,
    )


def _names(connect: Callable[[str], Any]) -> list[str]:
    pages = connect("cloudformation").get_paginator("list_stacks").paginate(StackStatusFilter=_STANDING)
    names = [stack["StackName"] for page in pages for stack in page["StackSummaries"]]
    return sorted(name.removeprefix(STACK_PREFIX) for name in names if name.startswith(STACK_PREFIX))


def _only(names: list[str], connect: Callable[[str], Any]) -> Stack:
    if not names:
        raise _none_found()
    if len(names) > 1:
        raise click.ClickException(
            f"There are the stacks of several organizations: {', '.join(names)}. Name one with --organization."
        )
    return _describe(names[0], connect)


def _describe(organization: str, connect: Callable[[str], Any]) -> Stack:
    try:
        answer = connect("cloudformation").describe_stacks(StackName=f"{STACK_PREFIX}{organization}")
    except ClientError as error:
        # This is how CloudFormation says that there is no such stack (API reference, DescribeStacks).
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise click.ClickException(
            f"There is no stack {STACK_PREFIX}{organization} in this account and region. The stacks there are: "
            f"{', '.join(_names(connect)) or 'none'}. Another account or region: --profile, --region"
        ) from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in answer["Stacks"][0].get("Outputs", [])}
    return Stack(organization, Outputs(outputs), connect)


def _none_found() -> click.ClickException:
    return click.ClickException(
        f"There is no stack {STACK_PREFIX}* in this account and region. Another account or region: --profile, "
        "--region. None deployed yet: make deploy ORGANIZATION=name. The stand on this machine: --local"
    )
