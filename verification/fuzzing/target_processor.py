"""The processor function under any messages that the queue can carry, and the rules that it must hold for each.

A part is a message. Its recipe: `by_hand`, put on the queue with these attributes (name to text) and not through
ingest; `binary`, the body in base64 and an attribute that says so; `receives`, how often it has been received before;
and, for what comes through ingest, `key` and `inflate` as in `target_ingest`.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from vectorcare_bridge.webhooks.vocabulary import WebhookOutcome
from verification.fuzzing import signatures, target_ingest
from verification.fuzzing.case import Part, ViolationError
from verification.fuzzing.functions import KNOWN_KEYS, Functions
from verification.fuzzing.grammar import inflated
from verification.simulation.history import checks
from verification.simulation.models import sqs_event, values
from verification.simulation.models.queue import QueuedMessage
from verification.simulation.world.functions import QUEUE

UNREADABLE = "unreadable"
REASONS = checks.REASONS - {"exhausted"}
"""Of the closed list, those that a message can die of while everything else works."""

MAX_JOURNAL_BYTES = 390 * 1024
"""An item of DynamoDB has 400 KiB; what is larger can only have been put on the queue by hand, and has no place."""


@dataclass(slots=True)
class _Reported:
    """What the function printed about one message."""

    outcomes: list[str]
    reasons: list[str]


def run(parts: Sequence[Part], functions: Functions) -> Counter[str]:
    """Put messages on the queue, deliver them as one batch, and each that must be tried again once more alone.

    Returns how they ended, or raises ViolationError.
    """
    counts: Counter[str] = Counter()
    for part in parts:
        counts[_put(part, functions)] += 1
    messages = functions.queue.messages()
    functions.printed()
    again = _deliver(messages, functions, counts)
    for message in again:
        if _deliver([message], functions, counts):
            raise ViolationError("a message fails without a reason while the services work", message.id)
    return counts


def _put(part: Part, functions: Functions) -> str:
    """Put one message on the queue; returns how that ended."""
    recipe = part.recipe
    known = set(functions.queue.messages())
    if "by_hand" in recipe:
        try:
            _send(part, functions)
        except (ClientError, UnicodeEncodeError):
            return "not for the queue"
    else:
        body = inflated(part.body, recipe.get("inflate"))
        # Only known keys: what happens to others is the other target's subject.
        key = recipe.get("key") if recipe.get("key") in KNOWN_KEYS else KNOWN_KEYS[0]
        response = functions.ingest(target_ingest.api_event(body, signatures.made(body, {"key": key})))
        if target_ingest.check_response(response) != HTTPStatus.OK:
            return f"refused {response['statusCode']}"
    [message] = set(functions.queue.messages()) - known
    message.receives = max(0, min(int(recipe.get("receives", 0)), 40))
    return "by hand" if "by_hand" in recipe else "accepted"


def _send(part: Part, functions: Functions) -> None:
    body = inflated(part.body, part.recipe.get("inflate"))
    attributes = {
        str(name): {"DataType": "String", "StringValue": str(value)} for name, value in part.recipe["by_hand"].items()
    }
    if part.recipe.get("binary"):
        attributes["encoding"] = {"DataType": "String", "StringValue": "base64"}
        text = base64.b64encode(body).decode()
    else:
        text = body.decode("utf-8", "replace")
    functions.sqs.send_message(QueueUrl=QUEUE, MessageBody=text, MessageAttributes=attributes)


def _deliver(messages: Sequence[QueuedMessage], functions: Functions, counts: Counter[str]) -> list[QueuedMessage]:
    """Deliver a batch; returns what the function wants to try again without naming a reason."""
    if not messages:
        return []
    for message in messages:
        functions.queue.hide(message, 0, now=0.0)
    received = functions.sqs.receive_message(
        QueueUrl=QUEUE, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
    ).get("Messages", [])
    wanted = {message.id for message in messages}
    records = [sqs_event.record(one) for one in received if one["MessageId"] in wanted]
    try:
        response = functions.process({"Records": records})
    except Exception as error:
        raise ViolationError("the processor raised an exception", repr(error)) from error
    lines = functions.printed()
    target_ingest.check_output(lines)
    failed = _failed(response, wanted)
    reported = _reported(lines)
    again = []
    for message in messages:
        if message.id in failed:
            ending = _check_failed(message, reported, functions)
        else:
            ending = _check_done(message, reported, functions)
            functions.queue.remove(message)
        if ending:
            counts[ending] += 1
        else:
            again.append(message)
    if len(functions.queue) < len(failed):
        raise ViolationError("a message that failed is no more on the queue")
    return again


def _failed(response: Any, wanted: set[str]) -> set[str]:
    try:
        failed = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
        json.dumps(response)
    except (TypeError, KeyError, ValueError) as error:
        raise ViolationError("no legal batch response", repr(response)) from error
    if len(set(failed)) != len(failed) or not set(failed) <= wanted:
        raise ViolationError("no legal batch response", repr(response))
    return set(failed)


def _reported(lines: list[str]) -> dict[str, _Reported]:
    """Read what was printed, by message id."""
    reported: dict[str, _Reported] = {}
    for text in lines:
        line = json.loads(text) if text.startswith("{") else {}
        if "message_id" in line:
            one = reported.setdefault(line["message_id"], _Reported([], []))
            one.outcomes += [line["outcome"]] if "outcome" in line else []
            one.reasons += [line["reason"]] if "reason" in line else []
    return reported


def _check_done(message: QueuedMessage, reported: dict[str, _Reported], functions: Functions) -> str:
    body = _body_of(message)
    outcomes = reported[message.id].outcomes if message.id in reported else []
    if len(outcomes) != 1 or not set(outcomes) <= set(WebhookOutcome):
        raise ViolationError("a message ended in no outcome, or in several", repr(outcomes))
    item = _entry(body, functions, unreadable=False)
    if item is None:
        raise ViolationError("a message is done, and the journal does not have its bytes")
    if outcomes == ["applied"]:
        _check_state(body, item, functions)
    return outcomes[0]


def _check_failed(message: QueuedMessage, reported: dict[str, _Reported], functions: Functions) -> str:
    """Say how a failed message ended; empty if it must be tried again."""
    body = _body_of(message)
    reasons = reported[message.id].reasons if message.id in reported else []
    # Received too often, and the function says so: what matters is whether it fails once more.
    if not reasons or reasons == ["exhausted"]:
        return ""
    if len(reasons) != 1 or not set(reasons) <= REASONS:
        raise ViolationError("a message died of no reason of the list, or of several", repr(reasons))
    if len(body) <= MAX_JOURNAL_BYTES and _entry(body, functions, unreadable=True) is None:
        raise ViolationError("a dead message's bytes are not in the journal under `unreadable`", reasons[0])
    if message.visible_at > functions.now():
        raise ViolationError("a dead message was not returned to the queue without a wait", reasons[0])
    return f"dead {reasons[0]}"


def _body_of(message: QueuedMessage) -> bytes:
    """Read a message's bytes; text if it claims to be base64 and is not."""
    try:
        return target_ingest.body_of(message)
    except ValueError:
        return message.body.encode()


def _entry(body: bytes, functions: Functions, *, unreadable: bool) -> dict[str, Any] | None:
    if unreadable:
        item = functions.journal.items.get((UNREADABLE, hashlib.sha256(body).hexdigest()))
        return item if item and bytes(item["body"]["B"]) == body else None
    for (service_request_id, _), item in functions.journal.items.items():
        if service_request_id != UNREADABLE and bytes(item["body"]["B"]) == body:
            return item
    return None


def _check_state(body: bytes, entry: dict[str, Any], functions: Functions) -> None:
    """Check that what was applied is what the bytes say: request, status and, if it is the newest data, `data`."""
    envelope = json.loads(body.decode("utf-8-sig"), parse_int=Decimal, parse_float=Decimal)
    state = functions.state.items.get((envelope["service_request_id"],))
    if state is None or entry["service_request_id"]["S"] != envelope["service_request_id"]:
        raise ViolationError("a message is applied, and its service request has no state")
    plain = {name: values.plain(value) for name, value in state.items()}
    event_id = values.plain(entry["event_id"])
    if plain["event_id"] == event_id and plain["request_status"] != envelope["request_status"]:
        raise ViolationError("the state's status is not its event's")
    if plain.get("data_event_id") == event_id and plain["data"] != envelope["data"]:
        raise ViolationError("the state's data is not its event's")
