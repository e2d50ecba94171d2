"""Inputs drawn from random decisions: mostly whole webhooks, with hostile values anywhere and in any spelling.

The decisions come from a seed, or from the bytes that libFuzzer makes: what they say first is what is in order.
"""

import json
import re
from random import Random
from typing import Any

from verification.fuzzing.case import INGEST, MAX_MESSAGES, Case, Part
from verification.fuzzing.hostile import HEADERS, JSON_VALUES, NUMBERS, STRINGS, TIMES
from verification.fuzzing.signatures import TAMPERINGS, WITH_TEXT
from verification.simulation.plan import keys
from verification.simulation.plan.content import MARKER

_ENVELOPE = ("event_id", "event_timestamp", "service_request_id", "request_status", "action", "data")
_FIELDS = (*_ENVELOPE, "last_updated", "event_type", "event")
_STATUSES = ("AVAILABLE", "ACCEPTED", "COMPLETED", "UNAVAILABLE")
_KINDS = ("text",) * 4 + ("number",) * 2 + ("constant", "list", "nested", "object")
_DEEPEST = 5
_ODD_BODIES = (b"", b"null", b"[]", b"{}", b'"' + MARKER.encode() + b'"', b"7" * 500)

_NUMBER = "<number {}>"
_NUMBER_MARK = re.compile('"<number ([^"]*)>"')

_SIZES = (32, 1000, 4301, 20_000, 262_143, 262_144, 262_145)
_QUEUE_SIZES = (*_SIZES, 400_000, 1_048_000, 1_048_576)
_INFLATIONS = ("pad", "spaces", "nest", "nest objects", "keys", "digits", "strings", "repeat")
_MAX_INFLATED = 1024 * 1024

_EVENT_FIELDS = (
    ("headers",),
    ("headers", "X-VectorCare-Signature"),
    ("multiValueHeaders",),
    ("multiValueHeaders", "X-VectorCare-Signature"),
    ("queryStringParameters",),
    ("queryStringParameters", "customer_id"),
    ("multiValueQueryStringParameters", "customer_id"),
    ("httpMethod",),
    ("resource",),
    ("path",),
    ("body",),
    ("isBase64Encoded",),
    ("requestContext",),
)
_EVENT_VALUES: dict[str, tuple[Any, ...]] = {
    "httpMethod": ("GET", "HEAD", "PUT", "post", "POST "),
    "resource": ("/health", "/webhook/", "/", "/{proxy+}"),
    "customer_id": ("acme-7Jw2 ", "ACME-7JW2", "acme-7Jw", "acme-7Jw2\x00", ["acme-7Jw2"]),
    "isBase64Encoded": ("true", "false", 1, None),
    "body": ("====", "AAAA", "A", " AAAA", "\u00e9", MARKER),
}


def case(target: str, random: Random) -> Case:
    """Draw an input."""
    if target == INGEST:
        return Case(target, [_request(random)])
    parts = [_message(random)]
    while len(parts) < MAX_MESSAGES and _chance(random, 0.25):
        # Half of a batch is the same event again, perhaps with other bytes.
        again = random.choice(parts)
        is_same = _chance(random, 0.5)
        parts.append(Part(again.recipe, again.body + b" " * random.randint(0, 2)) if is_same else _message(random))
    return Case(target, parts)


def inflated(body: bytes, inflation: Any) -> bytes:
    """Make a body large: `[how, how much]`, bytes for `pad` and `spaces`, else a count.

    So what libFuzzer keeps stays small. All but `spaces` and `repeat` put a field before `data`, which leaves a JSON
    object one.
    """
    if not inflation:
        return body
    how, amount = str(inflation[0]), max(0, min(int(inflation[1]), _MAX_INFLATED + 1))
    if how == "spaces":
        return body + b" " * (amount - len(body))
    if how == "repeat":
        return body * min(amount + 1, _MAX_INFLATED // max(1, len(body)))
    place = body.rfind(b'"data"')
    if place < 0:
        return body
    return body[:place] + _filling(how, amount, len(body)) + body[place:]


def _filling(how: str, amount: int, length: int) -> bytes:
    match how:
        case "pad":
            return b'"pad":"' + b"x" * (amount - length - len(b'"pad":"",')) + b'",'
        case "nest":
            return b'"deep":' + b"[" * (amount // 2) + b"]" * (amount // 2) + b","
        case "nest objects":
            return b'"deep":' + b'{"a":' * (amount // 6) + b"1" + b"}" * (amount // 6) + b","
        case "keys":
            return b"".join(b'"k%x":0,' % number for number in range(amount // 8))
        case "digits":
            return b'"number":' + b"7" * max(amount, 1) + b","
    return b'"list":[' + b'"",' * (amount // 3) + b'""],'


def _chance(random: Random, share: float) -> bool:
    """Say yes in that share of all cases, and no when libFuzzer's bytes are used up."""
    return random.random() >= 1 - share


def _request(random: Random) -> Part:
    """Draw a request to ingest: half of them signed and as API Gateway hands them over."""
    recipe: dict[str, Any] = {"key": random.choice((keys.OLD, keys.OLD, keys.NEW))}
    if _chance(random, 0.5):
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            _disturb(recipe, random)
    if _chance(random, 0.2):
        recipe["text"] = True
    _maybe_inflate(recipe, _SIZES, random)
    return Part(recipe, _body(random))


def _message(random: Random) -> Part:
    """Draw a message: two of three came through ingest, signed; the rest were put on the queue by hand."""
    recipe: dict[str, Any] = {"key": random.choice((keys.OLD, keys.NEW))}
    if _chance(random, 0.33):
        recipe = {"by_hand": _attributes(random), "binary": _chance(random, 0.3)}
    if _chance(random, 0.2):
        recipe["receives"] = random.choice((0, 1, 5, 28, 29, 30, 40))
    _maybe_inflate(recipe, _QUEUE_SIZES if "by_hand" in recipe else _SIZES, random)
    return Part(recipe, _body(random))


def _maybe_inflate(recipe: dict[str, Any], sizes: tuple[int, ...], random: Random) -> None:
    if _chance(random, 0.004):  # a large input takes a hundred times as long
        recipe["inflate"] = [random.choice(_INFLATIONS), random.choice(sizes)]


def _body(random: Random) -> bytes:
    if _chance(random, 0.03):
        return random.choice((*_ODD_BODIES, random.randbytes(random.randint(1, 64))))
    envelope = _envelope(random)
    for _ in range(random.choice((0, 0, 1, 1, 2, 3))):
        _set_field(envelope, random)
    body = _spelled(envelope, random)
    if _chance(random, 0.1):
        start = random.randint(0, len(body))
        body = body[:start] + random.randbytes(random.randint(0, 3)) + body[start + random.randint(0, 8) :]
    return body


def _envelope(random: Random) -> dict[str, Any]:
    """Draw a webhook with nothing wrong, of few service requests and events so that some meet."""
    return {
        "event_id": f"0198a00000000000000000000000000{random.randint(1, 9)}",
        "event_timestamp": f"2026-03-01T1{random.randint(0, 1)}:{random.randint(0, 59):02}:00.000Z",
        "service_request_id": f"VC-{random.randint(1, 4)}",
        "request_status": random.choice(_STATUSES),
        "action": random.choice(("BROADCAST_RECEIVED", "STATUS_CHANGED", MARKER)),
        "data": random.choice(({"patient_last_name": MARKER, "weight_kg": 81.5, "stops": [1, None]}, None, {})),
    }


def _set_field(envelope: dict[str, Any], random: Random) -> None:
    """Put a hostile value in a field, or take the field away."""
    field = random.choice((*_FIELDS, *_FIELDS, random.choice(STRINGS)))
    if _chance(random, 0.15):
        envelope.pop(field, None)
    elif field in {"event_timestamp", "last_updated"} and _chance(random, 0.8):
        envelope[field] = random.choice(TIMES)
    else:
        envelope[field] = _value(random)


def _value(random: Random, depth: int = 0) -> Any:
    """Draw a JSON value; `_spelled` takes the quotes from a number that Python's types would spell otherwise."""
    match "text" if depth > _DEEPEST else random.choice(_KINDS):
        case "text":
            return random.choice(STRINGS)
        case "number":
            return _NUMBER.format(random.choice(NUMBERS))
        case "constant":
            return random.choice((None, True, False))
        case "list":
            return [_value(random, depth + 1) for _ in range(random.randint(0, 3))]
        case "nested":
            return _nested(random.choice((5, 29, 30, 31, 32, 40, 400)), as_list=_chance(random, 0.5))
    return {random.choice(STRINGS): _value(random, depth + 1) for _ in range(random.randint(0, 3))}


def _nested(levels: int, *, as_list: bool) -> Any:
    inner: Any = [] if as_list else {}
    for _ in range(levels):
        inner = [inner] if as_list else {"a": inner}
    return inner


def _spelled(envelope: Any, random: Random) -> bytes:
    """Write JSON in one of its spellings, some of them wrong."""
    separators = random.choice(((",", ":"), (", ", ": "), (" ,\t", "\r\n:")))
    text = json.dumps(envelope, ensure_ascii=not _chance(random, 0.4), separators=separators)
    text = _NUMBER_MARK.sub(r"\1", text)
    raw = text.encode("utf-8", "surrogatepass")
    [flaw] = random.choices(("", "mark", "encoding", "field twice", "more behind", "no end"), (56, 1, 1, 1, 1, 1))
    match flaw:
        case "mark":
            return b"\xef\xbb\xbf" + raw
        case "encoding":
            return text.encode("utf-16" if _chance(random, 0.5) else "utf-32", "surrogatepass")
        case "field twice":
            return raw[:-1] + b',"data":{"second":1},"event_id":"second"}'
        case "more behind":
            return raw + random.choice((b" ", b"\x00", b"{}", b"//", b"\n" * 9))
        case "no end":
            return raw[: random.randint(0, len(raw))]
    return raw


def _attributes(random: Random) -> dict[str, str]:
    """Draw a message's attributes, as somebody may set them by hand."""
    names = ("source", "signature", "received_at", "redriven", "encoding", "other")
    values = (random.choice(STRINGS), random.choice(TIMES), random.choice(NUMBERS), "base64", "0", "3")
    return {name: random.choice(values) for name in names if _chance(random, 0.5)}


def _disturb(recipe: dict[str, Any], random: Random) -> None:
    """Make one thing wrong in a request: its signature, its bytes, or what API Gateway hands over."""
    [part] = random.choices(("key", "tamper", "after", "header", "event"), (1, 3, 1, 1, 4))
    match part:
        case "key":
            recipe["key"] = random.choice((None, keys.FOREIGN, keys.OLD, keys.NEW))
        case "tamper":
            how = random.choice(TAMPERINGS)
            text = random.choice((*STRINGS, "AA==", "===="))
            recipe.setdefault("tamper", []).append([how, text if how in WITH_TEXT else random.randint(0, 2048)])
        case "after":
            recipe["after"] = [random.choice(("append", "cut")), random.randint(0, 4096)]
        case "header":
            recipe["header"] = random.choice(HEADERS)
        case _:
            recipe.setdefault("event", []).append(_event_change(random))


def _event_change(random: Random) -> list[Any]:
    """Draw a change to API Gateway's event."""
    named = (random.choice(("headers", "queryStringParameters")), random.choice((*HEADERS, *STRINGS)))
    path = list(random.choice((*_EVENT_FIELDS, named)))
    if _chance(random, 0.25):
        return ["del", path]
    choices = _EVENT_VALUES.get(path[-1], ())
    return ["set", path, random.choice((*choices, random.choice(JSON_VALUES), random.choice(STRINGS)))]
