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
from verification.fuzzing.case import Part
from verification.fuzzing.inflate import inflated
from verification.fuzzing.stand import KNOWN_KEYS, Stand
from verification.fuzzing.verdict import ViolationError
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
class _Told:
    """What the function printed about one message."""

    outcomes: list[str]
    reasons: list[str]


def run(parts: Sequence[Part], stand: Stand) -> Counter[str]:
    """Put messages on the queue, deliver them as one batch, and once more alone what is to be tried again.

    Raises
    ------
    ViolationError
        A rule is broken.
    """
    counts: Counter[str] = Counter()
    for part in parts:
        counts[_put(part, stand)] += 1
    messages = stand.queue.messages()
    stand.output.lines.clear()
    again = _deliver(messages, stand, counts)
    for message in again:
        if _deliver([message], stand, counts):
            raise ViolationError("a message fails for no reason while the services work", message.id)
    return counts


def _put(part: Part, stand: Stand) -> str:
    """Put one message on the queue; answer how that ended."""
    recipe = part.recipe
    known = set(stand.queue.messages())
    if "by_hand" in recipe:
        try:
            _send(part, stand)
        except (ClientError, UnicodeEncodeError):
            return "not for the queue"
    else:
        body = inflated(part.body, recipe.get("inflate"))
        # Only those that the function knows: what it does with others is the other target's.
        key = recipe.get("key") if recipe.get("key") in KNOWN_KEYS else KNOWN_KEYS[0]
        response = stand.ingest(target_ingest.api_event(body, signatures.made(body, {"key": key})))
        if target_ingest.check_response(response) != HTTPStatus.OK:
            return f"refused {response['statusCode']}"
    [message] = set(stand.queue.messages()) - known
    message.receives = max(0, min(int(recipe.get("receives", 0)), 40))
    return "by hand" if "by_hand" in recipe else "accepted"


def _send(part: Part, stand: Stand) -> None:
    body = inflated(part.body, part.recipe.get("inflate"))
    attributes = {
        str(name): {"DataType": "String", "StringValue": str(value)} for name, value in part.recipe["by_hand"].items()
    }
    if part.recipe.get("binary"):
        attributes["encoding"] = {"DataType": "String", "StringValue": "base64"}
        text = base64.b64encode(body).decode()
    else:
        text = body.decode("utf-8", "replace")
    stand.sqs.send_message(QueueUrl=QUEUE, MessageBody=text, MessageAttributes=attributes)


def _deliver(messages: Sequence[QueuedMessage], stand: Stand, counts: Counter[str]) -> list[QueuedMessage]:
    """Deliver a batch; answer what is to be tried again for no fault of its own, as far as the function says."""
    if not messages:
        return []
    for message in messages:
        stand.queue.hide(message, 0, now=0.0)
    received = stand.sqs.receive_message(
        QueueUrl=QUEUE, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
    ).get("Messages", [])
    wanted = {message.id for message in messages}
    records = [sqs_event.record(one) for one in received if one["MessageId"] in wanted]
    try:
        response = stand.process({"Records": records})
    except Exception as error:
        raise ViolationError("the processor raised an exception", repr(error)) from error
    target_ingest.check_output(stand.output.lines)
    failed = _failed(response, wanted)
    told = _told(stand.output.lines)
    stand.output.lines.clear()
    again = []
    for message in messages:
        if message.id in failed:
            ending = _check_failed(message, told, stand)
        else:
            ending = _check_done(message, told, stand)
            stand.queue.remove(message)
        if ending:
            counts[ending] += 1
        else:
            again.append(message)
    if len(stand.queue) < len(failed):
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


def _told(lines: list[str]) -> dict[str, _Told]:
    """Read what was printed, by message id; whatever the lines' own names are."""
    told: dict[str, _Told] = {}
    for text in lines:
        line = json.loads(text) if text.startswith("{") else {}
        if "message_id" in line:
            one = told.setdefault(line["message_id"], _Told([], []))
            one.outcomes += [line["outcome"]] if "outcome" in line else []
            one.reasons += [line["reason"]] if "reason" in line else []
    return told


def _check_done(message: QueuedMessage, told: dict[str, _Told], stand: Stand) -> str:
    body = _body_of(message)
    outcomes = told[message.id].outcomes if message.id in told else []
    if len(outcomes) != 1 or not set(outcomes) <= set(WebhookOutcome):
        raise ViolationError("a message ended in no outcome, or in several", repr(outcomes))
    item = _entry(body, stand, unreadable=False)
    if item is None:
        raise ViolationError("a message is done, and the journal does not have its bytes")
    if outcomes == ["applied"]:
        _check_state(body, item, stand)
    return outcomes[0]


def _check_failed(message: QueuedMessage, told: dict[str, _Told], stand: Stand) -> str:
    """Answer how a failed message ended; nothing where it is to be tried again."""
    body = _body_of(message)
    reasons = told[message.id].reasons if message.id in told else []
    # It has been received too often, and says so: what matters is whether it fails once more.
    if not reasons or reasons == ["exhausted"]:
        return ""
    if len(reasons) != 1 or not set(reasons) <= REASONS:
        raise ViolationError("a message died of no reason of the list, or of several", repr(reasons))
    if len(body) <= MAX_JOURNAL_BYTES and _entry(body, stand, unreadable=True) is None:
        raise ViolationError("a dead message's bytes are not in the journal under `unreadable`", reasons[0])
    if message.visible_at > stand.now():
        raise ViolationError("a dead message was not given back at once", reasons[0])
    return f"dead {reasons[0]}"


def _body_of(message: QueuedMessage) -> bytes:
    """Read a message's bytes; what says that it is base64 and is not, is text."""
    try:
        return target_ingest.body_of(message)
    except ValueError:
        return message.body.encode()


def _entry(body: bytes, stand: Stand, *, unreadable: bool) -> dict[str, Any] | None:
    if unreadable:
        item = stand.journal.items.get((UNREADABLE, hashlib.sha256(body).hexdigest()))
        return item if item and bytes(item["body"]["B"]) == body else None
    for (service_request_id, _), item in stand.journal.items.items():
        if service_request_id != UNREADABLE and bytes(item["body"]["B"]) == body:
            return item
    return None


def _check_state(body: bytes, entry: dict[str, Any], stand: Stand) -> None:
    """Check that what was applied is what the bytes say: request, status and, where it is the newest data, `data`."""
    envelope = json.loads(body.decode("utf-8-sig"), parse_int=Decimal, parse_float=Decimal)
    state = stand.state.items.get((envelope["service_request_id"],))
    if state is None or entry["service_request_id"]["S"] != envelope["service_request_id"]:
        raise ViolationError("a message is applied, and its service request has no state")
    plain = {name: values.plain(value) for name, value in state.items()}
    event_id = values.plain(entry["event_id"])
    if plain["event_id"] == event_id and plain["request_status"] != envelope["request_status"]:
        raise ViolationError("the state's status is not its event's")
    if plain.get("data_event_id") == event_id and plain["data"] != envelope["data"]:
        raise ViolationError("the state's data is not its event's")
