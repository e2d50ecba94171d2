"""Has ingest accept one webhook more, for minutes, without a deployment.

A version of ingest is published that differs from the deployed one in one variable: a throw-away key, the digest of
the only bytes that it may sign, and when that ends. The alias moves to it, and back. `$LATEST` has the variable for
seconds. Each call names the revision that it changes, so that a deployment at the same time is not undone.
"""

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.lib import aws_error
from cli.lib.errors import BridgeError
from cli.lib.verification.subject import Function
from stacks.config.aws_limits import ENVIRONMENT_BYTES
from stacks.config.environment import size

VARIABLE = "VERIFICATION"  # `lambdas/ingest/verification.py`
DESCRIPTION = "For ./bridge verify --end-to-end, which removes it."
MINUTES = 10
"""How long the throw-away key is accepted at most, whatever becomes of this program."""

_HEALTH = {"httpMethod": "GET", "resource": "/health", "body": None}
_SECONDS = 120.0
_PAUSE_SECONDS = 0.5
_TRIES = 5  # to put something back: calls that may invoke a function are not repeated by the library
_SEEN_IN_A_ROW = 3  # Lambda moves an alias within seconds, and not everywhere at once


class OneWebhook:
    """The version of ingest that accepts it, and what has to be put back."""

    def __init__(self, client: Any, ingest: Function) -> None:
        self._client = client
        self._ingest = ingest
        self._former = ""
        self._version = ""
        self._is_latest_changed = False
        self._is_alias_moved = False

    @property
    def version(self) -> str:
        """The version's number; empty until there is one."""
        return self._version

    def open(self, value: str) -> None:
        """Publish the version, have it answer once, and move the alias to it.

        Raises
        ------
        BridgeError
            The function is not as the last deployment left it, or the version does not answer.
        botocore.exceptions.ClientError, BotoCoreError
            AWS refuses a step. `close` puts back what was done until then.
        """
        name, client = self._ingest.name, self._client
        alias = client.get_alias(FunctionName=name, Name=self._ingest.alias)
        self._former = alias["FunctionVersion"]
        latest = client.get_function_configuration(FunctionName=name)
        self._require_deployed(latest, client.get_function_configuration(FunctionName=name, Qualifier=self._former))
        variables = {**_variables(latest), VARIABLE: value}
        if size(variables) > ENVIRONMENT_BYTES:
            raise BridgeError(
                f"There is no room for a throw-away key in the environment of {name}, which has many public_keys. Sign "
                "with a key of your own: --private-key"
            )
        self._is_latest_changed = True
        client.update_function_configuration(
            FunctionName=name,
            Environment={"Variables": variables},
            RevisionId=latest["RevisionId"],
        )
        changed = self._settled()
        self._version = client.publish_version(
            FunctionName=name,
            CodeSha256=changed["CodeSha256"],
            RevisionId=changed["RevisionId"],
            Description=DESCRIPTION,
        )["Version"]
        self._restore_latest()
        self._wait(
            lambda: client.get_function_configuration(FunctionName=name, Qualifier=self._version)["State"] == "Active",
            "becomes active",
        )
        answer = self._invoke(self._version)
        if json.loads(answer["Payload"].read() or "{}").get("statusCode") != HTTPStatus.OK:
            raise BridgeError(f"Version {self._version} of {name} does not answer. Read its log.")
        self._is_alias_moved = True
        client.update_alias(
            FunctionName=name,
            Name=self._ingest.alias,
            FunctionVersion=self._version,
            RevisionId=alias["RevisionId"],
        )
        self._wait(
            lambda: all(
                self._invoke(self._ingest.alias)["ExecutedVersion"] == self._version for _ in range(_SEEN_IN_A_ROW)
            ),
            "is what the alias calls",
        )

    def close(self) -> list[str]:
        """Move the alias back, unless a deployment has moved it; return what could not be done, with its command."""
        left = []
        for is_due, put_back, command in (
            (
                self._is_alias_moved,
                self._move_back,
                self._command("update-alias", f"--function-version {self._former}"),
            ),
            (
                self._is_latest_changed,
                self._restore_latest,
                f"./bridge verify --end-to-end, which takes {VARIABLE} from {self._ingest.name} too",
            ),
        ):
            if is_due and (problem := _insist(put_back)):
                left.append(f"{problem} Then: {command}")
        return left

    def remove(self) -> list[str]:
        """Delete the version, after `close`, and those of verifications that were killed, but none that still runs.

        Returns what could not be done, with its command.
        """
        name, left = self._ingest.name, []
        try:
            live = self._client.get_alias(FunctionName=name, Name=self._ingest.alias)["FunctionVersion"]
            if self._version and self._version != live:  # for a moment, some calls still reach it
                self._wait(lambda: not self._is_called(), "is called no more")
            pages = self._client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
            versions = [
                each["Version"] for page in pages for each in page["Versions"] if each["Description"] == DESCRIPTION
            ]
            for version in versions:
                if version != live:
                    self._client.delete_function(FunctionName=name, Qualifier=version)
        except (BotoCoreError, ClientError, BridgeError) as error:
            version = self._version or "VERSION"
            command = f"aws lambda delete-function --function-name {name} --qualifier {version}"
            what = str(error) if isinstance(error, BridgeError) else aws_error.explain(error)
            left.append(f"{what} Then: {command}")
        return left

    def _require_deployed(self, latest: dict[str, Any], running: dict[str, Any]) -> None:
        if running.get("Description") == DESCRIPTION or VARIABLE in _variables(running):
            raise BridgeError(
                f"Another verification runs, or was killed: the alias of {self._ingest.name} is at its version "
                f"{self._former}. ./bridge verify says how to move it back."
            )
        # One that was killed may have left the variable in `$LATEST`, which nobody calls.
        variables = {name: value for name, value in _variables(latest).items() if name != VARIABLE}
        if (running["CodeSha256"], _variables(running)) != (latest["CodeSha256"], variables):
            raise BridgeError(
                f"{self._ingest.name} does not run what was deployed last: it was rolled back, or changed by hand. "
                "Deploy first: make deploy"
            )

    def _move_back(self) -> None:
        names = {"FunctionName": self._ingest.name, "Name": self._ingest.alias}
        alias = self._client.get_alias(**names)
        if alias["FunctionVersion"] == self._version:  # else a deployment has moved it on
            self._client.update_alias(**names, FunctionVersion=self._former, RevisionId=alias["RevisionId"])
        self._is_alias_moved = False

    def _restore_latest(self) -> None:
        latest = self._settled()
        variables = _variables(latest)
        if variables.pop(VARIABLE, None) is not None:
            self._client.update_function_configuration(
                FunctionName=self._ingest.name, Environment={"Variables": variables}, RevisionId=latest["RevisionId"]
            )
            self._settled()
        self._is_latest_changed = False

    def _settled(self) -> dict[str, Any]:
        """Wait until `$LATEST` is not being changed, and return its configuration."""
        found: list[dict[str, Any]] = []

        def is_settled() -> bool:
            found[:] = [self._client.get_function_configuration(FunctionName=self._ingest.name)]
            return bool(found[0].get("LastUpdateStatus") != "InProgress")

        self._wait(is_settled, "takes its settings")
        return found[0]

    def _is_called(self) -> bool:
        return any(self._invoke(self._ingest.alias)["ExecutedVersion"] == self._version for _ in range(_SEEN_IN_A_ROW))

    def _invoke(self, qualifier: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.invoke(
            FunctionName=self._ingest.name, Qualifier=qualifier, Payload=json.dumps(_HEALTH).encode()
        )
        return answer

    def _wait(self, is_so: Callable[[], bool], what: str) -> None:
        begin = time.monotonic()
        while not is_so():
            if time.monotonic() - begin > _SECONDS:
                raise BridgeError(f"In {_SECONDS:.0f} s not: version {self._version} of {self._ingest.name} {what}.")
            time.sleep(_PAUSE_SECONDS)

    def _command(self, verb: str, more: str) -> str:
        return f"aws lambda {verb} --function-name {self._ingest.name} --name {self._ingest.alias} {more}"


def _insist(put_back: Callable[[], None]) -> str:
    """Put something back, in several attempts if need be; return why it could not be done, or nothing."""
    for tried in range(1, _TRIES + 1):
        try:
            put_back()
            break
        except (BotoCoreError, ClientError) as error:
            if tried == _TRIES or aws_error.is_denied(error):
                return aws_error.explain(error)
            time.sleep(_PAUSE_SECONDS * tried)
        except BridgeError as error:  # it has waited long already
            return str(error)
    return ""


def _variables(configuration: dict[str, Any]) -> dict[str, str]:
    return dict(configuration.get("Environment", {}).get("Variables", {}))
