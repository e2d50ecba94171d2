"""What AWS refuses by its documentation, tried on two emulators: the code, the class, and the status.

Where an emulator differs, `docs/fidelity.md` says so, and what guards the product instead. A line there that is no
longer true fails here too.
"""

import ast
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from start_check import versions
from tests.aws.conftest import EMULATORS
from tests.aws.function_calls import TREES, operation_model
from tests.aws.functions import Resources
from tests.support.repository import ROOT
from vectorcare_bridge.edge import bus

FIDELITY = (ROOT / "docs/fidelity.md").read_text(encoding="utf-8")
TAKEN, BROKEN = "taken", "an error of its own"


@dataclass(frozen=True)
class Case:
    """A call, and how AWS answers it: with an error's code and status, or not at all."""

    call: Callable[[Resources], Any]
    answer: str  # code and status
    error_class: str = "ClientError"  # of botocore's for the service, if the error is declared


def _put(item: dict[str, Any], table: str = "events", **more: Any) -> Callable[[Resources], Any]:
    key = {"service_request_id": {"S": "a"}, "event_id": {"S": "b"}}
    return lambda aws: aws.dynamodb.put_item(TableName=table, Item=key | item, **more)


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "x"}
    for _ in range(levels):
        value = {"M": {"a": value}}
    return value


def _send(text: str) -> Callable[[Resources], Any]:
    return lambda aws: aws.sqs.send_message(QueueUrl=aws.queue_url, MessageBody=text)


def _publish(**changes: Any) -> Callable[[Resources], Any]:
    """Publish one event; an entry that was not taken counts as a refusal of the call."""
    entry = {"EventBusName": "bus", "Source": "vectorcare-bridge", "DetailType": "x", "Detail": "{}"} | changes

    def call(aws: Resources) -> None:
        (answer,) = aws.events.put_events(Entries=[entry])["Entries"]
        if "EventId" not in answer:
            metadata: Any = {"HTTPStatusCode": 200}
            raise ClientError({"Error": {"Code": answer["ErrorCode"]}, "ResponseMetadata": metadata}, "PutEvents")

    return call


def _invoke(version: Callable[[Resources], str]) -> Callable[[Resources], Any]:
    """Invoke a version; an error of the function counts as a refusal of the call."""

    def call(aws: Resources) -> None:
        if "lambda" in aws.without:
            pytest.skip("moto runs functions in Docker only")
        answer = aws.functions.invoke(FunctionName=version(aws), Payload="{}")
        content = json.load(answer["Payload"])
        if "FunctionError" in answer:
            metadata: Any = {"HTTPStatusCode": 200}
            raise ClientError({"Error": {"Code": content["errorType"]}, "ResponseMetadata": metadata}, "Invoke")

    return call


def _received(aws: Resources) -> str:
    """Send a message and receive it; return its receipt handle."""
    aws.sqs.send_message(QueueUrl=aws.dead_letters_url, MessageBody="x")
    (message, *_) = aws.sqs.receive_message(QueueUrl=aws.dead_letters_url, VisibilityTimeout=600)["Messages"]
    return str(message["ReceiptHandle"])


def _hide(seconds: int, handle: Callable[[Resources], str] = _received) -> Callable[[Resources], Any]:
    return lambda aws: aws.sqs.change_message_visibility(
        QueueUrl=aws.dead_letters_url, ReceiptHandle=handle(aws), VisibilityTimeout=seconds
    )


def _delete_twice(aws: Resources) -> None:
    handle = _received(aws)
    for _ in range(2):
        aws.sqs.delete_message(QueueUrl=aws.dead_letters_url, ReceiptHandle=handle)


def _returned(aws: Resources) -> str:
    """Receive a message and return it to the queue at once."""
    handle = _received(aws)
    _hide(0, lambda _aws: handle)(aws)
    return handle


def _invalid(call: Callable[[Resources], Any]) -> Case:
    """DynamoDB's ValidationException is one of its common errors, so no operation declares it."""
    return Case(call, "ValidationException 400")


_CONDITION = {"ConditionExpression": "attribute_exists(nothing)"}
_NO_QUEUE = ("AWS.SimpleQueueService.NonExistentQueue 400", "QueueDoesNotExist")
_NOT_FOUND = ("ResourceNotFoundException 400", "ResourceNotFoundException")

# By AWS's pages: API references of the five services; "Quotas in Amazon DynamoDB"; "Amazon SQS message quotas".
CASES = {
    "a write whose condition is false": Case(
        _put({}, **_CONDITION), "ConditionalCheckFailedException 400", "ConditionalCheckFailedException"
    ),
    "a write to a table that is gone": Case(_put({}, "gone"), *_NOT_FOUND),
    "a read of a table that is gone": Case(
        lambda aws: aws.dynamodb.get_item(TableName="gone", Key={"k": {"S": "a"}}), *_NOT_FOUND
    ),
    "an item of more than 400 KB": _invalid(_put({"body": {"B": b"x" * 400 * 1024}})),
    "an item of 33 levels": _invalid(_put({"data": _nested(33)})),
    "a number of 39 digits": _invalid(_put({"data": {"N": "1" * 39}})),
    "an empty key": _invalid(_put({"event_id": {"S": ""}})),
    "a key of another type": _invalid(_put({"event_id": {"N": "1"}})),
    "a key of an index of another type": _invalid(_put({"request_status": {"N": "1"}}, "service_requests")),
    "an empty name in a map": _invalid(_put({"data": {"M": {"": {"S": "x"}}}})),
    "a reserved word in a condition": _invalid(_put({}, ConditionExpression="attribute_exists(data)")),
    "a page that begins at half a key": _invalid(
        lambda aws: aws.dynamodb.query(
            TableName="events",
            KeyConditionExpression="service_request_id = :id",
            ExpressionAttributeValues={":id": {"S": "a"}},
            ExclusiveStartKey={"service_request_id": {"S": "a"}},
        )
    ),
    "an entry that is asked for twice at once": _invalid(
        lambda aws: aws.dynamodb.batch_get_item(
            RequestItems={"events": {"Keys": [{"service_request_id": {"S": "a"}, "event_id": {"S": "b"}}] * 2}}
        )
    ),
    "an object that is gone": Case(
        lambda aws: aws.s3.get_object(Bucket="spool", Key="gone"), "NoSuchKey 404", "NoSuchKey"
    ),
    "a deletion of an object that is gone": Case(
        lambda aws: aws.s3.delete_object(Bucket="spool", Key="gone"), TAKEN, ""
    ),
    "a write to a bucket that is gone": Case(
        # Declared for ListObjectsV2 alone, but botocore gives all of a service's operations its classes.
        lambda aws: aws.s3.put_object(Bucket="gone", Key="k", Body=b""),
        "NoSuchBucket 404",
        "NoSuchBucket",
    ),
    "metadata of more than 2 KB": Case(
        lambda aws: aws.s3.put_object(Bucket="spool", Key="k", Body=b"", Metadata={"a": "x" * 2048}),
        "MetadataTooLarge 400",
    ),
    "a message with U+FFFF": Case(_send("\uffff"), "InvalidMessageContents 400", "InvalidMessageContents"),
    "an empty message": Case(_send(""), "MissingParameter 400"),
    "a message of more than 1 MiB": Case(_send("x" * (1024 * 1024 + 1)), "InvalidParameterValue 400"),
    "a message of 1 MiB": Case(_send("x" * 1024 * 1024), TAKEN, ""),
    "a queue that is gone": Case(
        lambda aws: aws.sqs.send_message(QueueUrl=f"{aws.queue_url}-gone", MessageBody="x"), *_NO_QUEUE
    ),
    "the depth of a queue that is gone": Case(
        lambda aws: aws.sqs.get_queue_attributes(QueueUrl=f"{aws.queue_url}-gone", AttributeNames=["All"]), *_NO_QUEUE
    ),
    "a receipt handle of nothing": Case(
        lambda aws: aws.sqs.delete_message(QueueUrl=aws.queue_url, ReceiptHandle="none"),
        "ReceiptHandleIsInvalid 400",
        "ReceiptHandleIsInvalid",
    ),
    "a deletion of what is deleted": Case(_delete_twice, TAKEN, ""),
    "a time-out of more than 12 hours": Case(_hide(43_201), "InvalidParameterValue 400"),
    "a time-out of a message that is not in flight": Case(
        _hide(60, _returned), "AWS.SimpleQueueService.MessageNotInflight 400", "MessageNotInflight"
    ),
    "an event that is not JSON": Case(_publish(Detail="{"), "MalformedDetail 200"),
    "an event of more than 256 KB": Case(
        _publish(Detail=json.dumps({"data": "x" * 256 * 1024})), "ValidationException 400"
    ),
    "eleven events at once": Case(
        lambda aws: aws.events.put_events(Entries=[{"Source": "s", "DetailType": "x", "Detail": "{}"}] * 11),
        "ValidationException 400",
    ),
    "a version that is gone": Case(
        _invoke(lambda aws: f"{aws.starts}9"), "ResourceNotFoundException 404", "ResourceNotFoundException"
    ),
    "a version whose code does not import": Case(
        _invoke(lambda aws: aws.does_not_start), "Runtime.ImportModuleError 200"
    ),
    "a secret that is gone": Case(
        lambda aws: aws.secrets.get_secret_value(SecretId="gone"),
        *_NOT_FOUND,
    ),
    "a secret without a value": Case(
        lambda aws: aws.secrets.get_secret_value(SecretId="empty"),
        *_NOT_FOUND,
    ),
}
# Of the codes that the functions distinguish, those that no emulator gives on a good day.
ONLY_ON_AWS = {
    "OverLimit": "120,000 messages in flight",
    "AccessDeniedException": "permissions; test_least_privilege",
    "ResourceConflictException": "a version that is still being published",
    "ServiceException": "a fault of Lambda's own",
    "TooManyRequestsException": "an account that runs all functions it may",
    "InvalidAccountIdException": "an account that is closed",
    "InvalidArgument": "a parameter that the functions do not send",
    "NotAuthorizedForDetailTypeException": "the bus's own policy",
    "NotAuthorizedForSourceException": "the bus's own policy",
    "RedactionFailure": "EventBridge's own",
}


def _differences() -> dict[tuple[str, str], str]:
    """Read the table of differences: what each emulator does, by its name and the case."""
    section = FIDELITY.split("## Where the emulators differ")[1].split("\n## ")[0]
    rows = [[cell.strip(" `") for cell in row.split("|")[1:4]] for row in section.splitlines() if row.startswith("| ")]
    return {(emulator, case): answer for emulator, case, answer in rows if emulator in EMULATORS}


@pytest.mark.parametrize("name", CASES)
def test_an_emulator_refuses_what_aws_refuses_or_its_difference_is_listed(
    emulated: Resources, request: pytest.FixtureRequest, name: str
) -> None:
    # Given
    case = CASES[name]
    emulator = request.node.callspec.params["emulated"]
    # When
    answered, error_class = _answer(case, emulated)
    # Then
    listed = _differences().get((emulator, name))
    assert answered == (listed or case.answer)
    assert listed != case.answer
    assert listed or error_class == case.error_class


def _answer(case: Case, emulated: Resources) -> tuple[str, str]:
    """Make the call; write what it is answered as the table of differences does, and name the error's class."""
    try:
        case.call(emulated)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return f"{error.response['Error']['Code']} {status}", type(error).__name__
    except Exception as error:  # noqa: BLE001 an emulator's own, whatever it is
        return BROKEN, type(error).__name__
    return TAKEN, ""


def test_every_difference_that_is_listed_is_one_of_a_case() -> None:
    assert {case for _emulator, case in _differences()} <= set(CASES)
    assert _differences()


def test_every_code_that_the_functions_distinguish_is_tried() -> None:
    # Given the codes in their source: classes of a client, and the bus's final ones
    classes = {
        node.attr
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("client.exceptions")
    }
    compared = {
        constant.value
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and ("code" in ast.unparse(node).lower())
        for constant in ast.walk(node)
        if isinstance(constant, ast.Constant)
        and isinstance(constant.value, str)
        and constant.value.endswith("Exception")
    }
    codes = classes | compared | bus._FINAL | versions._PASSING
    # Then each has a case, or a reason
    tried = {case.answer.split()[0] for case in CASES.values()} | {case.error_class for case in CASES.values()}
    assert codes - tried == set(ONLY_ON_AWS)
    assert classes
    assert compared


@pytest.mark.parametrize(
    ("service", "operation", "name"),
    [
        ("dynamodb", "PutItem", "ConditionalCheckFailedException"),
        ("dynamodb", "UpdateItem", "ConditionalCheckFailedException"),
        ("s3", "GetObject", "NoSuchKey"),
        ("sqs", "ReceiveMessage", "OverLimit"),
        ("lambda", "Invoke", "ResourceConflictException"),
        ("lambda", "Invoke", "ServiceException"),
        ("lambda", "Invoke", "TooManyRequestsException"),
    ],
)
def test_each_error_that_has_a_branch_is_declared_for_its_operation(service: str, operation: str, name: str) -> None:
    assert name in {shape.name for shape in operation_model(service, operation).error_shapes}
