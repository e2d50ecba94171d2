"""What VectorCare or others send that must end elsewhere than in the state: unreadable, or refused by ingest."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from verification.simulation.plan.content import Content, ContentKind

_TIME = "2026-03-01T12:00:00.000Z"


def unreadable(random: Random, serial: int) -> Content:
    """Write a webhook that is signed and cannot be applied."""
    reason, write = random.choice(_UNREADABLE)
    return Content(body=write(serial), kind=ContentKind.UNREADABLE, reason=reason)


def forbidden(serial: int) -> Content:
    """Write a webhook that would be applied if it got past ingest."""
    return Content(body=_envelope(serial, marker="forbidden"), kind=ContentKind.FORBIDDEN)


def _envelope(serial: int, **changes: Any) -> bytes:
    envelope = {
        "event_id": f"{serial:032x}",
        "event_timestamp": _TIME,
        "service_request_id": f"VC-X{serial}",
        "request_status": "AVAILABLE",
        "action": "BROADCAST_RECEIVED",
        "data": {"patient_last_name": "Quillfeather"},
    }
    return json.dumps({name: value for name, value in (envelope | changes).items() if value is not ...}).encode()


def _nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


_UNREADABLE: tuple[tuple[str, Callable[[int], bytes]], ...] = (
    ("not_json", lambda serial: b"\xff\xfe Quillfeather %d" % serial),
    ("not_json", lambda serial: _envelope(serial)[:-9]),
    ("not_json", lambda serial: b'{"serial": %d, "data": NaN}' % serial),
    ("not_an_object", lambda serial: b'["Quillfeather", %d]' % serial),
    ("not_an_object", lambda serial: b"%d" % serial),
    ("unsupported_version", lambda serial: b'{"event_type": "Quillfeather", "event": {"n": %d}}' % serial),
    ("missing_field", lambda serial: _envelope(serial, service_request_id=...)),
    ("missing_field", lambda serial: _envelope(serial, service_request_id=17)),
    ("missing_field", lambda serial: _envelope(serial, request_status="")),
    ("missing_field", lambda serial: _envelope(serial, event_timestamp=...)),
    ("bad_timestamp", lambda serial: _envelope(serial, event_timestamp="Quillfeather")),
    ("bad_timestamp", lambda serial: _envelope(serial, event_timestamp=1772366400)),
    ("bad_timestamp", lambda serial: _envelope(serial, event_timestamp="2026-02-30T10:00:00Z")),
    ("unstorable", lambda serial: _envelope(serial, data=_nested(40))),
    ("unstorable", lambda serial: _envelope(serial, data="PLACE").replace(b'"PLACE"', b"7" * 400)),
    ("unstorable", lambda serial: _envelope(serial, data={"name": "Quillfeather \ud800"})),
    ("unstorable", lambda serial: _envelope(serial, service_request_id="unreadable")),
    ("unstorable", lambda serial: _envelope(serial, event_id=f"{serial:0>2000}")),
)
