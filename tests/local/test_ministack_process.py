"""A function's log comes with its answer, and a call of an API reaches the function as on AWS."""

import base64
import io
import json
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest
from ministack.core.lambda_runtime import Worker

from local import ministack_process
from local.clients import REGION
from local.emulator import Emulator
from local.ministack_process import MAX_BODY_BYTES, MAX_EVENT_BYTES

LINES = 1000
_FUNCTION = f"""
import sys
for number in range({LINES}):
    print("line", number, file=sys.stderr)
print("answer", flush=True)
sys.stdin.readline()
print("after it", file=sys.stderr, end="")
"""


@pytest.fixture
def worker() -> Iterator[Worker]:
    """Run a function that logs, answers, and logs once more when it ends."""
    worker = Worker("function", {}, b"")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", _FUNCTION], text=True, **pipes) as process:  # type: ignore[call-overload]  # noqa: S603 the types see no pipes in a mapping; it is our own code
        worker._proc = process
        yield worker
        process.kill()


def test_lines_that_no_thread_has_come_to_read_come_with_the_answer(worker: Worker) -> None:
    # Given a thread that has no time to read
    worker.log = ministack_process._Log(worker)
    thread = threading.Thread(target=worker._proc.stdout.readline)
    thread.start()
    # When the function has answered
    thread.join()
    # Then
    assert ministack_process._read_all(worker).splitlines() == [f"line {number}" for number in range(LINES)]


def test_the_thread_reads_on_until_the_function_ends(worker: Worker) -> None:
    # Given
    reading = threading.Thread(target=ministack_process._read, args=[worker])
    reading.start()
    worker._proc.stdout.readline()
    logged = ministack_process._read_all(worker).splitlines()
    # When
    worker._proc.stdin.write("end\n")
    worker._proc.stdin.flush()
    reading.join()
    # Then
    assert logged == [f"line {number}" for number in range(LINES)]
    assert worker._drain_stderr() == "after it"


_ECHO = """
import json

def handler(event, context):
    shown = dict(event, body=len(event["body"])) if event["resource"] == "/sizes" else event
    return {"statusCode": 200, "body": json.dumps(shown)}
"""


class Gateway:
    """A deployed REST API that takes every body as binary, and whose one function answers with its event."""

    def __init__(self, emulator: Emulator) -> None:
        aws = emulator.aws
        api = aws.make("apigateway")
        function = aws.functions.create_function(
            FunctionName="echo",
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/echo",
            Handler="echo.handler",
            Code={"ZipFile": _zipped("echo.py", _ECHO)},
            Timeout=60,
        )["FunctionArn"]
        name = api.create_rest_api(name="echo", binaryMediaTypes=["*/*"])["id"]
        root = api.get_resources(restApiId=name)["items"][0]["id"]
        things = api.create_resource(restApiId=name, parentId=root, pathPart="things")["id"]
        for parent, part in ((things, "{id}"), (root, "sizes")):
            resource = api.create_resource(restApiId=name, parentId=parent, pathPart=part)["id"]
            method = {"restApiId": name, "resourceId": resource, "httpMethod": "ANY"}
            api.put_method(**method, authorizationType="NONE")
            uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
            api.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
        api.create_deployment(restApiId=name, stageName="prod")
        address = urlsplit(emulator.endpoint_url)
        self._address = (address.hostname, address.port)
        self.host = address.netloc
        self.path = f"/_aws/execute-api/{name}/prod"

    def event(self, line: str, *headers: str, body: bytes | None = None, framed: bool = True) -> dict[str, Any]:
        """Send a request whose first line and headers are these; return the event that came to the function."""
        status, answer = self.ask(line, *headers, body=body, framed=framed)
        assert status == 200, answer
        event: dict[str, Any] = json.loads(answer)
        return event

    def ask(self, line: str, *headers: str, body: bytes | None = None, framed: bool = True) -> tuple[int, bytes]:
        """Send it; return status and body of the answer."""
        length = [f"Content-Length: {len(body)}"] if body is not None and framed else []
        head = "\r\n".join([line, f"Host: {self.host}", "Connection: close", *length, *headers])
        with socket.create_connection(self._address) as connection:
            connection.sendall(f"{head}\r\n\r\n".encode() + (body or b""))
            answer = HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.read()


def _zipped(name: str, source: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr(name, source)
    return packed.getvalue()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run the emulator with an API whose function answers with the event that it was called with."""
    with Emulator(directory=tmp_path_factory.mktemp("emulator") / "emulator", port=0) as emulator:
        yield Gateway(emulator)


@pytest.mark.parametrize("spelling", ["A%2FB", "A%252FB", "A+B", "caf%C3%A9", "%2e%2E", "100%25", "a%3Fb%23c"])
@pytest.mark.parametrize("is_absolute", [False, True])
def test_a_path_parameter_comes_as_it_is_in_the_path(gateway: Gateway, spelling: str, *, is_absolute: bool) -> None:
    # When
    target = f"http://{gateway.host}{gateway.path}" if is_absolute else gateway.path
    event = gateway.event(f"GET {target}/things/{spelling} HTTP/1.1")
    # Then
    assert event["pathParameters"] == {"id": spelling}
    assert event["path"] == f"/things/{spelling}"
    assert event["resource"] == "/things/{id}"


@pytest.mark.parametrize(
    ("query", "one", "all_values"),
    [
        ("?x=1&x=2&x=3", {"x": "3"}, {"x": ["1", "2", "3"]}),
        ("?x=1&x=", {"x": ""}, {"x": ["1", ""]}),
        ("?x=&x=2", {"x": "2"}, {"x": ["", "2"]}),
        ("?x", {"x": ""}, {"x": [""]}),
        ("?x=a+b%2Bc%252F", {"x": "a b+c%2F"}, {"x": ["a b+c%2F"]}),
        ("?X=1&x=2", {"X": "1", "x": "2"}, {"X": ["1"], "x": ["2"]}),
        ("", None, None),
        ("?", None, None),
    ],
)
def test_of_a_repeated_query_parameter_the_last_counts_and_all_are_there(
    gateway: Gateway, query: str, one: dict[str, str] | None, all_values: dict[str, list[str]] | None
) -> None:
    # When
    event = gateway.event(f"GET {gateway.path}/things/a{query} HTTP/1.1")
    # Then
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == (one, all_values)


def test_of_a_repeated_header_the_last_counts_and_each_keeps_its_spelling(gateway: Gateway) -> None:
    # When
    headers = ["X-Signature: one", "x-signature: two, three", "content-language: en"]
    event = gateway.event(f"GET {gateway.path}/things/a HTTP/1.1", *headers)
    # Then
    assert event["headers"].items() >= {"X-Signature": "two, three", "content-language": "en"}.items()
    assert event["multiValueHeaders"]["X-Signature"] == ["one", "two, three"]
    assert "x-signature" not in event["headers"].keys() | event["multiValueHeaders"].keys()


NO_UTF8 = b"\xef\xbb\xbf\xff\x00"
S3_CHUNKS = b"3;chunk-signature=0\r\nabc\r\n0;chunk-signature=0\r\n\r\n"


@pytest.mark.parametrize(
    ("headers", "sent", "received"),
    [
        ([], NO_UTF8, NO_UTF8),
        (["Content-Type: text/plain; charset=utf-16"], NO_UTF8, NO_UTF8),
        (["content-type: nonsense"], NO_UTF8, NO_UTF8),
        (["Content-Encoding: aws-chunked, gzip"], S3_CHUNKS, S3_CHUNKS),
        (["Transfer-Encoding: chunked"], b"3\r\nabc\r\n2;extension=1\r\nde\r\n0\r\n\r\n", b"abcde"),
        ([], b"", None),
    ],
)
def test_a_body_comes_byte_for_byte_whatever_it_says_it_is(
    gateway: Gateway, headers: list[str], sent: bytes, received: bytes | None
) -> None:
    # When
    framed = "Transfer-Encoding: chunked" not in headers
    event = gateway.event(f"POST {gateway.path}/things/a HTTP/1.1", *headers, body=sent, framed=framed)
    # Then
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"]
    assert body == received


@pytest.mark.parametrize(
    ("size", "answer"),
    [
        (MAX_EVENT_BYTES * 3 // 4, b'{"message":"Request Too Long"}'),
        (MAX_BODY_BYTES, b'{"message":"Request Too Long"}'),
        (MAX_BODY_BYTES + 1, b"HTTP content length exceeded 10485760 bytes."),
    ],
)
def test_what_gateway_or_lambda_do_not_carry_is_refused_before_the_function(
    gateway: Gateway, size: int, answer: bytes
) -> None:
    assert gateway.ask(f"POST {gateway.path}/things/a HTTP/1.1", body=b"x" * size) == (413, answer)


def test_what_they_carry_reaches_it(gateway: Gateway) -> None:
    event = gateway.event(f"POST {gateway.path}/sizes HTTP/1.1", body=b"x" * (MAX_EVENT_BYTES * 3 // 4 - 3000))
    assert event["body"] > MAX_EVENT_BYTES - 5000
