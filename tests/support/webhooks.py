"""Invented webhooks."""

import json
from typing import Any

INVENTED_NAME = "Zebulon-Quillfeather"
"""A patient's name that must never be seen outside the tables, queues and spool."""


def body(**changes: Any) -> bytes:
    """Make a webhook's bytes; a value of `...` leaves the field out."""
    envelope: dict[str, Any] = {
        "event_id": "0198a000000000000000000000000001",
        "event_timestamp": "2026-03-01T10:00:00.000Z",
        "service_request_id": "VC-TEST0001",
        "request_status": "AVAILABLE",
        "action": "BROADCAST_RECEIVED",
        "data": {"patient_first_name": INVENTED_NAME, "patient_weight_kg": 81.5, "hospice": None},
    }
    envelope |= changes
    return json.dumps({key: value for key, value in envelope.items() if value is not ...}).encode()
