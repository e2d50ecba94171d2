"""The ingest function under any event, and the rules that its answers must hold.

A part's recipe: `key`, `tamper` (see `signatures`); `inflate` (see `grammar`); `after`, a change to the body once it is
signed; `header`, the signature header's name; `text`, the body not in base64; `event`, changes to API Gateway's event,
each `["set", path, value]` or `["del", path]`.
"""

import base64
import json
from collections import Counter
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from verification.fuzzing import signatures
from verification.fuzzing.case import Part, ViolationError
from verification.fuzzing.functions import Functions
from verification.fuzzing.grammar import inflated
from verification.simulation.models.queue import QueuedMessage
from verification.simulation.plan.content import MARKER
from verification.simulation.world.vectorcare import CUSTOMER_ID

SIGNATURE_HEADER = "X-VectorCare-Signature"
MAX_BODY_BYTES = 262_144

_HEALTH = (("GET", "/health"), ("HEAD", "/health"))
_LOGGED_IDS = ("service_request_id", "event_id")


def run(part: Part, functions: Functions) -> Counter[str]:
    """Send one request; returns how it ended, or raises ViolationError."""
    wire, event = built(part)
    try:
        response = functions.ingest(event)
    except Exception as error:
        raise ViolationError("ingest raised an exception", repr(error)) from error
    status = check_response(response, event.get("httpMethod"))
    check_output(functions.printed())
    messages = functions.queue.messages()
    if functions.bucket.objects or functions.journal.items or functions.state.items:
        raise ViolationError("ingest wrote elsewhere though the queue takes everything")
    if status == HTTPStatus.OK and (event.get("httpMethod"), event.get("resource")) not in _HEALTH:
        _check_accepted(event, messages)
        return Counter({"accepted": 1})
    if messages:
        raise ViolationError("a message of a refused request is on the queue", str(status))
    if _must_be_accepted(part, wire):
        raise ViolationError("a webhook in order was refused", str(status))
    return Counter({f"refused {status}" if status != HTTPStatus.OK else "health": 1})


def built(part: Part) -> tuple[bytes, Any]:
    """Build the bytes on the wire and API Gateway's event from a recipe."""
    recipe = part.recipe
    body = inflated(part.body, recipe.get("inflate"))
    signature = signatures.made(body, recipe)
    wire = _altered(body, *(recipe.get("after") or ("", 0)))
    event = api_event(wire, signature, header=str(recipe.get("header", SIGNATURE_HEADER)))
    if recipe.get("text"):
        event |= {"body": wire.decode(errors="replace"), "isBase64Encoded": False}
    for change in recipe.get("event") or ():
        _change(event, *change)
    return wire, event


def api_event(body: bytes, signature: str | None, *, header: str = SIGNATURE_HEADER) -> dict[str, Any]:
    """Write `POST /webhook` as API Gateway does ("Input format of a Lambda function for proxy integration")."""
    headers = {"Content-Type": "application/json", "Host": "api.invalid", "User-Agent": "VectorCare"}
    if signature is not None:
        headers[header] = signature
    query = {"customer_id": CUSTOMER_ID}
    return {
        "resource": "/webhook",
        "path": "/webhook",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"requestId": "request-1", "identity": {"sourceIp": "192.0.2.1"}, "stage": "v1"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def check_response(response: Any, method: object = None) -> int:
    """Check that an answer is legal ("Output format of a Lambda function for proxy integration"), and not 5xx."""
    try:
        content = {} if method == "HEAD" and response["body"] == "" else json.loads(response["body"])
        text = json.dumps(response, allow_nan=False)
        legal = (
            type(response["statusCode"]) is int
            and isinstance(response["body"], str)
            and response["isBase64Encoded"] is False
            and all(isinstance(name, str) and isinstance(value, str) for name, value in response["headers"].items())
            and response.keys() <= {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
            and isinstance(content, dict)
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ViolationError("no legal proxy response", repr(error)) from error
    if not legal:
        raise ViolationError("no legal proxy response", text)
    if MARKER in text:
        raise ViolationError("a payload value was answered", text)
    status = int(response["statusCode"])
    if not HTTPStatus.OK <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ViolationError("5xx while the services work", text)
    return status


def check_output(lines: list[str]) -> None:
    """Check that no payload value was printed; the two ids may be, whatever the payload holds."""
    for text in lines:
        if MARKER in text and not _only_ids_carry_it(text):
            raise ViolationError("a payload value was logged", text)


def body_of(message: QueuedMessage) -> bytes:
    """Read a message's bytes as the queue carries them: text, or base64 if an attribute says so."""
    if message.attributes.get("encoding", {}).get("StringValue") == "base64":
        return base64.b64decode(message.body, validate=True)
    return message.body.encode()


def _only_ids_carry_it(text: str) -> bool:
    try:
        line = json.loads(text)
    except ValueError:
        return False
    return isinstance(line, dict) and MARKER not in json.dumps(
        {name: value for name, value in line.items() if name not in _LOGGED_IDS}
    )


def _check_accepted(event: Any, messages: list[QueuedMessage]) -> None:
    if len(messages) != 1:
        raise ViolationError("accepted, and not once on the queue", str(len(messages)))
    [message] = messages
    body = body_of(message)
    signature = message.attributes.get("signature", {}).get("StringValue")
    if body not in _readings(event):
        raise ViolationError("what is on the queue is not what was sent")
    if not 0 < len(body) <= MAX_BODY_BYTES:
        raise ViolationError("accepted beyond the limits of size", str(len(body)))
    if (event.get("httpMethod"), event.get("resource")) != ("POST", "/webhook"):
        raise ViolationError("accepted on another route", f"{event.get('httpMethod')} {event.get('resource')}")
    if _mapping(event, "queryStringParameters").get("customer_id") != CUSTOMER_ID:
        raise ViolationError("accepted for another customer")
    headers = _mapping(event, "headers").items()
    sent = [value for name, value in headers if name.lower() == SIGNATURE_HEADER.lower()]
    if signature not in sent or not signatures.holds(body, signature):
        raise ViolationError("accepted without a signature that holds over the bytes")


def _mapping(event: Any, name: str) -> dict[str, Any]:
    value = event.get(name)
    return value if isinstance(value, dict) else {}


def _readings(event: Any) -> list[bytes]:
    """List what a body may mean: one thing, unless `isBase64Encoded` is not a boolean."""
    text, flag = event.get("body"), event.get("isBase64Encoded")
    if not isinstance(text, str):
        return []
    readings = []
    if flag is not True:
        readings.append(text.encode("utf-8", "surrogatepass"))
    if flag is not False and flag is not None:
        with suppress(ValueError):  # not base64, so it can only be text
            readings.append(base64.b64decode(text))
    return readings


def _must_be_accepted(part: Part, wire: bytes) -> bool:
    recipe = part.recipe
    as_usual = (
        not recipe.get("event") and str(recipe.get("header", SIGNATURE_HEADER)).lower() == SIGNATURE_HEADER.lower()
    )
    is_text_unharmed = not recipe.get("text") or _is_utf8(wire)
    return signatures.is_signed(recipe) and as_usual and is_text_unharmed and 0 < len(wire) <= MAX_BODY_BYTES


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _altered(body: bytes, how: str, what: int) -> bytes:
    match how:
        case "append":
            return body + b"x" * (what % 8 + 1)
        case "cut":
            return body[: what % (len(body) + 1)]
    return body


def _change(event: Any, how: str, path: list[Any], value: Any = None) -> None:
    *way, last = path
    try:
        for name in way:
            event = event[name]
        if how == "del":
            del event[last]
        else:
            event[last] = value
    except (KeyError, TypeError, IndexError):
        return  # an earlier change has removed the place
