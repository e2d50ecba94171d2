"""Rule: whatever happens while ingest takes one webhook more, what was deployed is put back."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.lib.errors import BridgeError
from cli.lib.verification import one_webhook
from cli.lib.verification.one_webhook import DESCRIPTION, OneWebhook
from cli.lib.verification.subject import Function

INGEST = Function("ingest", "ingest:live", "ingest", "live")
DEPLOYED = {"CUSTOMER_ID": "acme"}


@dataclass
class Lambda:
    """One function with versions and an alias, as Lambda's API shows them; `fails_at` is the call that it refuses."""

    variables: dict[str, str] = field(default_factory=lambda: dict(DEPLOYED))
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    alias: str = "1"
    revision: int = 0
    alias_revision: int = 0
    latest: int = 1
    fails_at: int = -1
    error: str = "ThrottlingException"
    calls: list[str] = field(default_factory=list)
    starts: bool = True
    spreads_in: int = 0  # calls of the alias that still reach the version from before a move
    stale: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.versions["1"] = self._configuration("Takes webhooks. Version 1.0.0, release 0123456789.")

    def _configuration(self, description: str) -> dict[str, Any]:
        return {
            "CodeSha256": "code",
            "Description": description,
            "Environment": {"Variables": dict(self.variables)},
            "State": "Active",
            "LastUpdateStatus": "Successful",
        }

    def _begin(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) - 1 == self.fails_at:
            raise ClientError({"Error": {"Code": self.error}}, name)

    def get_alias(self, **_: str) -> dict[str, Any]:
        self._begin("GetAlias")
        return {"FunctionVersion": self.alias, "RevisionId": str(self.alias_revision)}

    def get_function_configuration(self, *, FunctionName: str, Qualifier: str = "") -> dict[str, Any]:  # noqa: ARG002, N803 boto3's names
        self._begin("GetFunctionConfiguration")
        if Qualifier:
            return self.versions[Qualifier]
        return self._configuration("latest") | {"RevisionId": str(self.revision)}

    def update_function_configuration(self, *, Environment: Mapping[str, Any], RevisionId: str, **_: str) -> None:  # noqa: N803 boto3's names
        self._begin("UpdateFunctionConfiguration")
        self._require(RevisionId, self.revision)
        self.variables, self.revision = dict(Environment["Variables"]), self.revision + 1

    def publish_version(self, *, RevisionId: str, Description: str, **_: str) -> dict[str, Any]:  # noqa: N803 boto3's names
        self._begin("PublishVersion")
        self._require(RevisionId, self.revision)
        self.latest += 1
        self.versions[str(self.latest)] = self._configuration(Description)
        return {"Version": str(self.latest)}

    def update_alias(self, *, FunctionVersion: str, RevisionId: str, **_: str) -> None:  # noqa: N803 boto3's names
        self._begin("UpdateAlias")
        self._require(RevisionId, self.alias_revision)
        self.stale = [self.alias] * self.spreads_in
        self.alias, self.alias_revision = FunctionVersion, self.alias_revision + 1

    def invoke(self, *, Qualifier: str, **_: Any) -> dict[str, Any]:  # noqa: N803 boto3's name
        self._begin("Invoke")
        answer = {"statusCode": 200} if self.starts else {"errorMessage": "no"}
        called = self.stale.pop() if self.stale and Qualifier == "live" else self.alias
        version = called if Qualifier == "live" else Qualifier
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), "ExecutedVersion": version}

    def get_paginator(self, _operation: str) -> "Lambda":
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        self._begin("ListVersionsByFunction")
        return [{"Versions": [each | {"Version": version} for version, each in self.versions.items()]}]

    def delete_function(self, *, Qualifier: str, **_: str) -> None:  # noqa: N803 boto3's name
        self._begin("DeleteFunction")
        assert Qualifier not in {self.alias, *self.stale}
        del self.versions[Qualifier]

    def deploy(self) -> None:
        """Publish another version and move the alias to it, as CloudFormation does."""
        self.latest += 1
        self.revision += 1
        self.alias_revision += 1
        self.variables = dict(DEPLOYED) | {"DEPLOYED": "later"}
        self.versions[str(self.latest)] = self._configuration("Takes webhooks. Version 1.1.0, release 1123456789.")
        self.alias = str(self.latest)

    @staticmethod
    def _require(given: str, current: int) -> None:
        if given != str(current):
            raise ClientError({"Error": {"Code": "PreconditionFailedException"}}, "Update")


def opened(aws: Lambda) -> OneWebhook:
    door = OneWebhook(aws, INGEST)
    door.open("key digest until")
    return door


def test_the_alias_goes_to_a_version_with_the_variable_and_back() -> None:
    # Given
    aws = Lambda()
    # When
    door = opened(aws)
    # Then the version has it, and what the next deployment begins with has not
    assert aws.alias == "2"
    assert aws.versions["2"]["Environment"]["Variables"] == DEPLOYED | {"VERIFICATION": "key digest until"}
    assert aws.variables == DEPLOYED
    # When
    left = door.close() + door.remove()
    # Then
    assert (left, aws.alias, aws.variables, list(aws.versions)) == ([], "1", DEPLOYED, ["1"])


def _calls() -> list[str]:
    """Name the calls of AWS that opening makes, in their order."""
    aws = Lambda()
    opened(aws)
    return aws.calls


OPENING = _calls()


@pytest.mark.parametrize("number", range(len(OPENING)), ids=[f"{at} {name}" for at, name in enumerate(OPENING)])
def test_wherever_it_breaks_off_everything_is_put_back(number: int) -> None:
    # Given a call that AWS refuses
    aws = Lambda(fails_at=number)
    door = OneWebhook(aws, INGEST)
    with pytest.raises(ClientError):
        door.open("key digest until")
    # When
    left = door.close() + door.remove()
    # Then
    assert (left, aws.alias, aws.variables, list(aws.versions)) == ([], "1", DEPLOYED, ["1"])


def test_what_cannot_be_put_back_is_named_with_its_command() -> None:
    # Given a role that may do nothing any more
    aws = Lambda()
    door = opened(aws)
    aws.fails_at, aws.error = len(aws.calls), "AccessDeniedException"
    # When
    left = door.close()
    # Then
    (command,) = left
    assert command.endswith("aws lambda update-alias --function-name ingest --name live --function-version 1")
    # And another try puts it back
    assert (door.close(), aws.alias) == ([], "1")


def test_its_version_is_there_for_as_long_as_somebody_may_call_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an alias whose move is not seen everywhere at once
    monkeypatch.setattr(one_webhook, "_PAUSE_SECONDS", 0)
    aws = Lambda(spreads_in=2)
    door = opened(aws)
    # When
    left = door.close() + door.remove()
    # Then
    assert (left, aws.stale, list(aws.versions)) == ([], [], ["1"])


def test_the_alias_is_put_back_although_aws_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given calls that are throttled
    monkeypatch.setattr(one_webhook, "_PAUSE_SECONDS", 0)
    aws = Lambda()
    door = opened(aws)
    aws.fails_at = len(aws.calls) + 1
    # When
    left = door.close()
    # Then
    assert (left, aws.alias, aws.variables) == ([], "1", DEPLOYED)


def test_a_version_that_does_not_start_takes_no_traffic() -> None:
    aws = Lambda(starts=False)
    door = OneWebhook(aws, INGEST)
    with pytest.raises(BridgeError, match="does not answer"):
        door.open("key digest until")
    assert "UpdateAlias" not in aws.calls
    assert (door.close() + door.remove(), list(aws.versions)) == ([], ["1"])


@pytest.mark.parametrize("is_moved", [True, False], ids=["after", "before"])
def test_a_deployment_in_between_stays(monkeypatch: pytest.MonkeyPatch, *, is_moved: bool) -> None:
    # Given a deployment after the alias was moved, or while the version is made
    aws = Lambda()
    door = OneWebhook(aws, INGEST)
    if is_moved:
        door.open("key digest until")
        aws.deploy()
    else:
        invoke = aws.invoke

        def deploying(**parameters: Any) -> dict[str, Any]:
            monkeypatch.setattr(aws, "invoke", invoke)
            aws.deploy()
            return invoke(**parameters)

        monkeypatch.setattr(aws, "invoke", deploying)
        with pytest.raises(ClientError):
            door.open("key digest until")
    # When
    left = door.close() + door.remove()
    # Then
    assert (left, aws.alias, aws.variables["DEPLOYED"]) == ([], "3", "later")
    assert list(aws.versions) == ["1", "3"]


def test_it_begins_only_from_what_was_deployed_last() -> None:
    # Given a function that was rolled back
    aws = Lambda()
    aws.variables = {"CUSTOMER_ID": "newer"}
    with pytest.raises(BridgeError, match="does not run what was deployed last"):
        opened(aws)
    # Given one that was killed before it took the variable back: the next one does
    aws = Lambda(variables=DEPLOYED | {"VERIFICATION": "key digest until"})
    aws.versions["1"]["Environment"]["Variables"] = DEPLOYED
    door = opened(aws)
    assert (door.close(), aws.alias, aws.variables) == ([], "1", DEPLOYED)
    # Given one that was killed after that
    aws = Lambda()
    opened(aws)
    door = OneWebhook(aws, INGEST)
    with pytest.raises(BridgeError, match="Another verification runs, or was killed"):
        door.open("key digest until")
    # Then it is left alone, because it may still run
    assert (door.close() + door.remove(), aws.alias, list(aws.versions)) == ([], "2", ["1", "2"])
    # When its alias is moved back, Then the next one removes its version
    aws.update_alias(FunctionVersion="1", RevisionId=str(aws.alias_revision))
    door = opened(aws)
    assert (door.close() + door.remove(), list(aws.versions)) == ([], ["1"])
    assert DESCRIPTION not in str(aws.versions)


def test_an_environment_without_room_is_left_alone() -> None:
    aws = Lambda(variables={"PUBLIC_KEYS": "k" * 4000})
    with pytest.raises(BridgeError, match="no room"):
        OneWebhook(aws, INGEST).open("v" * 500)
    assert "UpdateFunctionConfiguration" not in aws.calls
