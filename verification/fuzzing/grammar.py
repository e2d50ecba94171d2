"""Webhooks drawn from a seed: mostly whole, with hostile values anywhere, in any spelling that JSON allows or not."""

import json
from random import Random
from typing import Any

from verification.fuzzing.case import INGEST, MAX_MESSAGES, Case, Part
from verification.fuzzing.hostile import HEADERS, JSON_VALUES, NUMBERS, STRINGS, TIMES
from verification.fuzzing.inflate import INFLATIONS
from verification.fuzzing.signatures import TAMPERINGS, WITH_TEXT
from verification.simulation.plan import keys
from verification.simulation.plan.content import MARKER

FIELDS = (
    "event_id",
    "event_timestamp",
    "last_updated",
    "service_request_id",
    "request_status",
    "action",
    "data",
    "event_type",
    "event",
)
NUMBER_PLACE = "\ue000number "
"""Before a number that is to be spelled as it is; from the area of characters that stand for nothing."""
_SIZES = (32, 1000, 4301, 20_000, 262_143, 262_144, 262_145)
_KINDS = ("text",) * 4 + ("number",) * 2 + ("constant", "list", "nested", "object")
_DEEPEST = 5
_QUEUE_SIZES = (*_SIZES, 400_000, 1_048_000, 1_048_576)


def chance(random: Random, share: float) -> bool:
    """Say yes in that share of all cases."""
    return random.random() < share


def case(target: str, random: Random) -> Case:
    """Draw an input."""
    if target == INGEST:
        return Case(target, [request(random)])
    count = 1 if chance(random, 0.75) else random.choice((2, 2, 2, 3, 3, MAX_MESSAGES))
    return Case(target, [message(random) for _ in range(count)])


def request(random: Random) -> Part:
    """Draw a request to ingest: half of them signed and as API Gateway hands them over."""
    recipe: dict[str, Any] = {"key": random.choice((keys.OLD, keys.OLD, keys.NEW))}
    if chance(random, 0.5):
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            disturb(recipe, random)
    if chance(random, 0.2):
        recipe["text"] = random.choice(("lone", "replace"))
    maybe_inflate(recipe, random)
    return Part(recipe, body(random))


def message(random: Random) -> Part:
    """Draw a message: two of three came through ingest, signed; the rest were put on the queue by hand."""
    recipe: dict[str, Any] = {"key": random.choice((keys.OLD, keys.NEW))}
    if chance(random, 0.33):
        recipe = {"by_hand": attributes(random), "binary": chance(random, 0.3)}
    if chance(random, 0.2):
        recipe["receives"] = random.choice((0, 1, 5, 28, 29, 30, 40))
    maybe_inflate(recipe, random)
    return Part(recipe, body(random))


def body(random: Random) -> bytes:
    """Draw a body."""
    if chance(random, 0.03):
        return random.choice(
            (
                b"",
                b"null",
                b"[]",
                b"{}",
                b'"' + MARKER.encode() + b'"',
                b"7" * 500,
                random.randbytes(random.randint(1, 64)),
            )
        )
    envelope = whole(random)
    for _ in range(random.choice((0, 0, 1, 1, 2, 3))):
        set_field(envelope, random)
    return spelled(envelope, random)


def whole(random: Random) -> dict[str, Any]:
    """Draw a webhook with nothing wrong, of few service requests and events so that some meet."""
    number = random.randint(1, 4)
    return {
        "event_id": f"0198a00000000000000000000000000{random.randint(1, 9)}",
        "event_timestamp": f"2026-03-01T1{random.randint(0, 1)}:{random.randint(0, 59):02}:00.000Z",
        "service_request_id": f"VC-{number}",
        "request_status": random.choice(("AVAILABLE", "ACCEPTED", "COMPLETED", "UNAVAILABLE")),
        "action": random.choice(("BROADCAST_RECEIVED", "STATUS_CHANGED", MARKER)),
        "data": random.choice(({"patient_last_name": MARKER, "weight_kg": 81.5, "stops": [1, None]}, None, {})),
    }


def set_field(envelope: dict[str, Any], random: Random) -> None:
    """Put a hostile value in a field, or take the field away."""
    field = random.choice((*FIELDS, *FIELDS, random.choice(STRINGS)))
    if chance(random, 0.15):
        envelope.pop(field, None)
    elif field in {"event_timestamp", "last_updated"} and chance(random, 0.8):
        envelope[field] = random.choice(TIMES)
    else:
        envelope[field] = value(random)


def value(random: Random, depth: int = 0) -> Any:
    """Draw a JSON value; a number that Python's own types would not spell so is marked for `spelled`."""
    match "text" if depth > _DEEPEST else random.choice(_KINDS):
        case "text":
            return random.choice(STRINGS)
        case "number":
            return NUMBER_PLACE + random.choice(NUMBERS)
        case "constant":
            return random.choice((None, True, False))
        case "list":
            return [value(random, depth + 1) for _ in range(random.randint(0, 3))]
        case "nested":
            return nested(random.choice((5, 29, 30, 31, 32, 40, 1500)), as_list=chance(random, 0.5))
    return {random.choice(STRINGS): value(random, depth + 1) for _ in range(random.randint(0, 3))}


def nested(levels: int, *, as_list: bool) -> Any:
    """Nest an empty container so deep; no deeper than `json` writes."""
    inner: Any = [] if as_list else {}
    for _ in range(min(levels, 400)):
        inner = [inner] if as_list else {"a": inner}
    return inner


def spelled(envelope: Any, random: Random) -> bytes:
    """Write JSON in one of its spellings, some of them wrong."""
    text = json.dumps(
        envelope,
        ensure_ascii=chance(random, 0.6),
        separators=random.choice(((",", ":"), (", ", ": "), (" ,\t", "\r\n:"))),
    )
    text = _with_numbers(text)
    raw = text.encode("utf-8", "surrogatepass")
    [flaw] = random.choices(("mark", "encoding", "field twice", "more behind", "no end", ""), (1, 1, 1, 1, 1, 56))
    match flaw:
        case "mark":
            return b"\xef\xbb\xbf" + raw
        case "encoding":
            return text.encode("utf-16" if chance(random, 0.5) else "utf-32", "surrogatepass")
        case "field twice":
            return raw[:-1] + b',"data":{"second":1},"event_id":"second"}'
        case "more behind":
            return raw + random.choice((b" ", b"\x00", b"{}", b"//", b"\n" * 9))
        case "no end":
            return raw[: random.randint(0, len(raw))]
        case _:
            return raw


def attributes(random: Random) -> dict[str, str]:
    """Draw a message's attributes, as somebody may set them by hand."""
    names = ("source", "signature", "received_at", "redriven", "encoding", "other")
    drawn = {}
    for name in names:
        if chance(random, 0.5):
            drawn[name] = random.choice(
                (random.choice(STRINGS), random.choice(TIMES), random.choice(NUMBERS), "base64", "0", "3")
            )
    return drawn


def disturb(recipe: dict[str, Any], random: Random) -> None:
    """Put one thing wrong with a request: its signature, its bytes, or what API Gateway hands over."""
    [part] = random.choices(("key", "tamper", "after", "header", "event"), (1, 3, 1, 1, 4))
    match part:
        case "key":
            recipe["key"] = random.choice((None, keys.FOREIGN, keys.OLD, keys.NEW))
        case "tamper":
            recipe.setdefault("tamper", []).append(tampering(random))
        case "after":
            how = random.choice(("flip", "append", "cut"))
            recipe.setdefault("after", []).append(
                [how, random.randint(0, 4096) if how != "append" else random.choice(STRINGS)]
            )
        case "header":
            recipe["header"] = random.choice(HEADERS)
        case _:
            recipe.setdefault("event", []).append(event_change(random))


def tampering(random: Random) -> list[Any]:
    """Draw a change to a signature."""
    how = random.choice(TAMPERINGS)
    return [how, random.choice((*STRINGS, "AA==", "====")) if how in WITH_TEXT else random.randint(0, 2048)]


def event_change(random: Random) -> list[Any]:
    """Draw a change to API Gateway's event."""
    where: list[list[Any]] = [
        ["headers"],
        ["headers", "X-VectorCare-Signature"],
        ["headers", random.choice(HEADERS)],
        ["headers", random.choice(STRINGS)],
        ["multiValueHeaders"],
        ["multiValueHeaders", "X-VectorCare-Signature"],
        ["queryStringParameters"],
        ["queryStringParameters", "customer_id"],
        ["queryStringParameters", random.choice(STRINGS)],
        ["multiValueQueryStringParameters", "customer_id"],
        ["httpMethod"],
        ["resource"],
        ["path"],
        ["body"],
        ["isBase64Encoded"],
        ["requestContext"],
    ]
    path = random.choice(where)
    if chance(random, 0.25):
        return ["del", path]
    choices = {
        "httpMethod": ("GET", "HEAD", "PUT", "post", "POST "),
        "resource": ("/health", "/webhook/", "/", "/{proxy+}"),
        "customer_id": ("acme-7Jw2 ", "ACME-7JW2", "acme-7Jw", "acme-7Jw2\x00", ["acme-7Jw2"]),
        "isBase64Encoded": ("true", "false", 1, None),
        "body": ("====", "AAAA", "A", " AAAA", "\u00e9", MARKER),
    }.get(str(path[-1]), ())
    return ["set", path, random.choice((*choices, random.choice(JSON_VALUES), random.choice(STRINGS)))]


def maybe_inflate(recipe: dict[str, Any], random: Random) -> None:
    """Make one of many large: it takes a hundred times as long; what is large is mostly made small again."""
    if chance(random, 0.7):
        recipe.pop("inflate", None)
    if chance(random, 0.004):
        sizes = _QUEUE_SIZES if "by_hand" in recipe else _SIZES
        recipe["inflate"] = [random.choice(INFLATIONS), random.choice(sizes)]


def _with_numbers(text: str) -> str:
    """Put the marked numbers where their marks are."""
    for mark in (f'"{NUMBER_PLACE}', json.dumps(NUMBER_PLACE)[:-1]):
        while mark in text:
            before, _, rest = text.partition(mark)
            number, _, after = rest.partition('"')
            text = f"{before}{number}{after}"
    return text
