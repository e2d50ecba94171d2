"""VectorCare's documented words (Open API 2.0, "Webhooks > Overview") and ours for what becomes of a webhook."""

from enum import StrEnum

OPEN_STATUSES = ("AVAILABLE", "ASSIGNED")
CLOSED_STATUSES = ("COMPLETED", "UNAVAILABLE")
STATUSES = OPEN_STATUSES + CLOSED_STATUSES

ACTIONS = (
    "BROADCAST_RECEIVED",
    "BROADCAST_ACCEPTED",
    "BROADCAST_DECLINED",
    "BROADCAST_CANCELED",
    "BROADCAST_EXPIRED",
    "PROPOSAL_SUBMITTED",
    "PROPOSAL_ACCEPTED",
    "PROPOSAL_DECLINED",
    "CHANGE_REQUEST_ACCEPTED",
    "CHANGE_REQUEST_DECLINED",
    "REQUEST_DATA_UPDATED",
)


class WebhookOutcome(StrEnum):
    """How a message ends that does not fail."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    STALE = "stale"
    EXPIRED = "expired"
