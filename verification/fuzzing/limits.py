"""Requests at the limits, each with how it must end at ingest and, from there or put on the queue, at the processor.

What the unit tests of the envelope and of DynamoDB's limits have is not repeated. A JSON reader may refuse deep nesting
or read it, by its version: then two ends are right.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from verification.fuzzing.case import INGEST, PROCESSOR, Case, Part
from verification.simulation.plan.content import MARKER

KIB = 1024
APPLIED = frozenset({"applied"})
NOT_JSON = frozenset({"dead not_json"})
UNSTORABLE = frozenset({"dead unstorable"})


@dataclass(frozen=True, slots=True)
class Limit:
    """One request, signed unless the recipe says otherwise (see `target_ingest`), and how it must end at ingest.

    `processor` lists how the message may end; empty if no message comes of it.
    """

    body: bytes
    processor: frozenset[str] = frozenset()
    recipe: dict[str, Any] | None = None
    ingest: str = "accepted"

    def cases(self) -> Iterator[tuple[Case, frozenset[str]]]:
        """Make its inputs, each with the ends that are right."""
        yield Case(INGEST, [Part(self.recipe or {}, self.body)]), frozenset({self.ingest})
        if self.processor:
            by_hand: dict[str, Any] = {} if self.ingest == "accepted" else {"by_hand": {}}
            yield Case(PROCESSOR, [Part(by_hand, self.body)]), self.processor


def _webhook(**changes: Any) -> bytes:
    envelope = {
        "event_id": "0198a000000000000000000000000001",
        "event_timestamp": "2026-03-01T10:00:00.000Z",
        "service_request_id": "VC-1",
        "request_status": "AVAILABLE",
        "action": "BROADCAST_RECEIVED",
        "data": {"patient_last_name": MARKER},
    }
    return json.dumps(envelope | changes).encode()


def _with_data(raw: bytes) -> bytes:
    return _webhook(data="PLACE").replace(b'"PLACE"', raw)


def _sized(size: int) -> bytes:
    """Fill up a webhook with a field that is not stored."""
    return _webhook(pad="x" * (size - len(_webhook(pad=""))))


def _keys(count: int) -> bytes:
    return b"{" + b",".join(b'"%x":0' % number for number in range(count)) + b"}"


def _nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


_LARGE_HEADER = {"event": [["set", ["headers", "X-Large"], "x" * 1_000_000]]}
_LARGE_SIGNATURE = {"tamper": [["set", "A" * 1_000_000]]}

LIMITS: dict[str, Limit] = {
    "256 KiB less one byte": Limit(_sized(256 * KIB - 1), APPLIED),
    "256 KiB": Limit(_sized(256 * KIB), APPLIED),
    "256 KiB and one byte": Limit(_sized(256 * KIB + 1), APPLIED, ingest="refused 413"),
    "256 KiB of data": Limit(_with_data(json.dumps("x" * (255 * KIB)).encode()), APPLIED),
    "256 KiB of brackets": Limit(b"[" * (256 * KIB), frozenset({*NOT_JSON, *UNSTORABLE})),
    "256 KiB of zero bytes, base64 on the queue": Limit(bytes(256 * KIB), NOT_JSON),
    "1 MiB by hand": Limit(_sized(KIB * KIB), UNSTORABLE, ingest="refused 413"),
    "10 MiB": Limit(_sized(10 * KIB * KIB), ingest="refused 413"),
    "empty": Limit(b"", ingest="refused 400"),
    "one byte": Limit(b"7", frozenset({"dead not_an_object"})),
    "10,000 nested arrays": Limit(_nested(10_000), frozenset({*UNSTORABLE, "dead not_an_object"})),
    "10,000 nested arrays in data": Limit(_with_data(_nested(10_000)), UNSTORABLE),
    "10,000 nested objects in data": Limit(_with_data(b'{"a":' * 10_000 + b"1" + b"}" * 10_000), UNSTORABLE),
    "10,000 nested arrays beside data": Limit(
        _webhook()[:-1] + b',"deep":' + _nested(10_000) + b"}", frozenset({*UNSTORABLE, *APPLIED})
    ),
    "a header of 1 MB": Limit(_webhook(), APPLIED, _LARGE_HEADER),
    "a signature of 1 MB": Limit(_webhook(), recipe=_LARGE_SIGNATURE, ingest="refused 401"),
    "10,000 keys": Limit(_with_data(_keys(10_000)), APPLIED),
    # A number is counted at its largest, so this many are refused though DynamoDB would find room for small ones.
    "as many keys as ingest takes": Limit(_with_data(_keys(25_000)), frozenset({*APPLIED, *UNSTORABLE})),
    "as many keys as the journal takes": Limit(_with_data(_keys(38_000)), UNSTORABLE, ingest="refused 413"),
    "as many keys as the queue takes": Limit(_with_data(_keys(90_000)), UNSTORABLE, ingest="refused 413"),
    "escaped lone surrogate in a field that is not stored": Limit(_webhook(other="\ud800"), APPLIED),
    "raw lone surrogate": Limit(_with_data(b'"\xed\xa0\x80"'), NOT_JSON),
    "surrogate pair, escaped": Limit(_with_data(b'"\\ud83d\\ude00"'), APPLIED),
    "U+FFFF": Limit(_with_data('"\uffff"'.encode()), APPLIED),
    "U+FFFF in an id": Limit(_webhook(event_id="\uffff"), APPLIED),
    "U+10FFFF": Limit(_with_data('"\U0010ffff"'.encode()), APPLIED),
    "NUL, raw": Limit(_with_data(b'"\x00"'), NOT_JSON),
    "NUL, escaped": Limit(_with_data(b'"\\u0000"'), APPLIED),
    "NUL behind the end": Limit(_webhook() + b"\x00", NOT_JSON),
    "two byte order marks": Limit(b"\xef\xbb\xbf" * 2 + _webhook(), NOT_JSON),
    "UTF-32": Limit(_webhook().decode().encode("utf-32"), NOT_JSON),
    "overlong UTF-8": Limit(_with_data(b'"\xc0\xaf"'), NOT_JSON),
    "duplicate keys": Limit(_webhook()[:-1] + b',"data":1,"data":{"last":2}}', APPLIED),
    "duplicate keys, the last of a wrong type": Limit(
        _webhook()[:-1] + b',"request_status":7}', frozenset({"dead missing_field"})
    ),
    "a number of 400 digits beside data": Limit(_webhook()[:-1] + b',"n":' + b"7" * 400 + b"}", APPLIED),
    "a number of 400 digits as time": Limit(
        _webhook(event_timestamp="PLACE").replace(b'"PLACE"', b"7" * 400), frozenset({"dead bad_timestamp"})
    ),
    "a million spaces by hand": Limit(_webhook() + b" " * 1_000_000, UNSTORABLE, ingest="refused 413"),
}
