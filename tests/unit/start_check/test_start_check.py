"""Rule: an update whose functions do not start fails, and says which and how, and nothing else of them."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from unittest import mock
from urllib.request import Request

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from start_check import versions
from tests.support.cloud import CREDENTIALS, Context, fresh_handler
from tests.support.patience import Patience
from vectorcare_bridge.edge import custom_resource, start_check
from vectorcare_bridge.edge.lambda_handler import lambda_handler

ARN = "arn:aws:lambda:us-east-1:123456789012:function"
INGEST, READER = f"{ARN}:acme-ingest:8", f"{ARN}:acme-reader:3"
STARTED = {"Payload": json.dumps(start_check.ANSWER)}
NO_MODULE = {
    "FunctionError": "Unhandled",
    "Payload": json.dumps({"errorType": "Runtime.ImportModuleError", "errorMessage": "No module named secret"}),
}


@dataclass
class Lambda:
    """Answers each version with what it is given, the last again and again."""

    answers: dict[str, list[Any]] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)

    def invoke(self, *, FunctionName: str, Payload: str) -> Mapping[str, Any]:  # noqa: N803 boto3's names
        assert json.loads(Payload) == start_check.EVENT
        self.called.append(FunctionName)
        waiting = self.answers.get(FunctionName, [STARTED])
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return {**answer, "Payload": io.BytesIO(answer["Payload"].encode())}


@dataclass
class CloudFormation:
    """Takes what is put to its URL, after that many failures."""

    failures: int = 0
    requests: list[Request] = field(default_factory=list)

    def urlopen(self, request: Request, **_: Any) -> io.BytesIO:
        self.requests.append(request)
        if len(self.requests) <= self.failures:
            raise ConnectionResetError
        return io.BytesIO()

    @property
    def answer(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(cast("bytes", self.requests[-1].data))
        return content


@pytest.fixture
def functions() -> Lambda:
    return Lambda()


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> CloudFormation:
    cloudformation = CloudFormation()
    monkeypatch.setattr(custom_resource, "urlopen", cloudformation.urlopen)
    return cloudformation


@pytest.fixture
def ask(functions: Lambda, patience: Patience) -> Iterator[Callable[..., None]]:
    """Call the function as CloudFormation does."""
    del patience  # It takes the place of the clock.
    with mock.patch.dict("os.environ", CREDENTIALS):
        module = fresh_handler("start_check")

    def ask(kind: str, *arns: str, before: tuple[str, ...] = ()) -> None:
        request = {
            "RequestType": kind,
            "ResponseURL": "https://cloudformation.example/answer?signed",
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "StartCheckResult",
            "ResourceProperties": {"Versions": list(arns)},
        }
        if kind == "Update":
            request["OldResourceProperties"] = {"Versions": list(before)}
        module.handler(request, Context(remaining_ms=240_000))

    with mock.patch.object(module, "_client", functions):
        yield ask


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret"}}, "Invoke")


def test_versions_that_start_let_the_update_go_on(
    ask: Callable[..., None], functions: Lambda, cloudformation: CloudFormation
) -> None:
    # When
    ask("Create", INGEST, READER)
    # Then each has run once
    assert functions.called == [INGEST, READER]
    assert cloudformation.answer == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": "StartCheckResult",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "StartCheckResult",
    }
    # And the URL is signed for a PUT without a type
    (request,) = cloudformation.requests
    assert (request.get_method(), request.get_header("Content-type")) == ("PUT", "")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (NO_MODULE, "Runtime.ImportModuleError"),
        ({"FunctionError": "Unhandled", "Payload": '{"errorType": "a secret value"}'}, "Unhandled"),
        ({"FunctionError": "Unhandled", "Payload": '{"errorMessage": "Task timed out"}'}, "Unhandled"),
        ({"Payload": '{"statusCode": 200}'}, "UnexpectedAnswer"),
        (refused("ResourceNotFoundException"), "ResourceNotFoundException"),
        (ReadTimeoutError(endpoint_url="secret"), "ReadTimeoutError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_version_that_does_not_start_fails_the_update_by_name_and_type_alone(
    ask: Callable[..., None], functions: Lambda, cloudformation: CloudFormation, answer: Any, problem: str
) -> None:
    # Given
    functions.answers[INGEST] = [answer]
    # When
    ask("Create", INGEST, READER)
    # Then
    assert cloudformation.answer["Status"] == "FAILED"
    assert f"acme-ingest ({problem})" in cloudformation.answer["Reason"]
    assert "secret" not in cloudformation.answer["Reason"]
    # And the others have been tried too
    assert "acme-reader" not in cloudformation.answer["Reason"]
    assert READER in functions.called


@pytest.mark.parametrize(
    "error",
    [*map(refused, sorted(versions._PASSING)), EndpointConnectionError(endpoint_url="https://lambda")],
    ids=lambda error: error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__,
)
def test_what_passes_is_waited_out(
    ask: Callable[..., None], functions: Lambda, cloudformation: CloudFormation, error: Exception
) -> None:
    functions.answers[INGEST] = [error, error, STARTED]
    ask("Create", INGEST)
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_a_refusal_that_does_not_pass_is_answered_before_the_function_ends(
    ask: Callable[..., None], functions: Lambda, cloudformation: CloudFormation, patience: Patience
) -> None:
    # Given an account that is busy all the time
    functions.answers[INGEST] = [refused("TooManyRequestsException")]
    # When
    ask("Create", INGEST, READER)
    # Then it was tried for as long as there was time, of 240 seconds all but those for one more call and the answer
    assert sum(patience.waits) == 240 - 70
    assert "acme-ingest (TooManyRequestsException)" in cloudformation.answer["Reason"]


def test_what_has_been_in_service_is_not_run_again_so_that_a_rollback_cannot_fail(
    ask: Callable[..., None], functions: Lambda, cloudformation: CloudFormation
) -> None:
    # Given versions that do not start any more
    functions.answers = {INGEST: [NO_MODULE], READER: [NO_MODULE]}
    # When CloudFormation goes back to them
    ask("Update", INGEST, READER, before=(f"{ARN}:acme-ingest:9", f"{ARN}:acme-reader:3"))
    # Then
    assert functions.called == []
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_an_update_runs_what_is_new(
    ask: Callable[..., None], functions: Lambda, cloudformation: CloudFormation
) -> None:
    # Given a function with a higher version, and one that the stack did not have
    new = [f"{ARN}:acme-ingest:10", f"{ARN}:acme-reader:1"]
    ask("Update", *new, before=(f"{ARN}:acme-ingest:9",))
    # Then
    assert functions.called == new
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_a_deletion_is_answered_at_once(
    ask: Callable[..., None], functions: Lambda, cloudformation: CloudFormation
) -> None:
    ask("Delete", INGEST)
    assert functions.called == []
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_a_failure_of_the_check_itself_is_answered(
    ask: Callable[..., None], functions: Lambda, cloudformation: CloudFormation
) -> None:
    functions.answers[INGEST] = [{"Payload": "no JSON, and secret"}]
    ask("Create", INGEST)
    assert cloudformation.answer["Reason"] == "The start check itself has failed: JSONDecodeError."


@pytest.mark.parametrize(("failures", "is_answered"), [(3, True), (4, False)])
def test_an_answer_is_put_again_until_it_arrives(
    ask: Callable[..., None], cloudformation: CloudFormation, failures: int, is_answered: bool
) -> None:
    # Given
    cloudformation.failures = failures
    # When
    if is_answered:
        ask("Delete")
    else:
        with pytest.raises(ConnectionResetError):
            ask("Delete")
    # Then
    assert len(cloudformation.requests) == 4


def test_a_handler_answers_the_start_check_before_anything_of_its_own_runs(capsys: pytest.CaptureFixture[str]) -> None:
    # Given
    @lambda_handler()
    def handler(_event: object, _context: object) -> None:
        raise AssertionError

    # When
    answer = handler(dict(start_check.EVENT), None)
    # Then
    assert answer == start_check.ANSWER
    assert capsys.readouterr().out == ""
