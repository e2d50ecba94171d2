"""What one journal has of an entry of the other."""

from typing import Any

import pytest

from tests.support import signing, webhooks
from tests.support.cloud import NOW
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.reconciliation import rules
from vectorcare_bridge.reconciliation.rules import Verdict
from vectorcare_bridge.webhooks import envelope, signature
from vectorcare_bridge.webhooks.envelope import UNREADABLE

KEYS = signature.load_keys(signing.encoded_public_key())
DAY = 86_400
BODY = webhooks.body()
OTHER = webhooks.body(action="BROADCAST_ACCEPTED")
READ = envelope.read(BODY)


def entry(body: bytes = BODY, **changes: Any) -> dict[str, Any]:
    """Make a journal's entry of the event that BODY is of; a value of `...` leaves an attribute out."""
    found: dict[str, Any] = {
        "service_request_id": READ.service_request_id,
        "event_id": READ.event_id,
        "body": body,
        "signature": signing.sign(body),
        "received_at": utc_timestamp.later(NOW, days=-1),
        "expires_at": utc_timestamp.epoch_seconds(NOW) + 100 * DAY,
    }
    return {name: value for name, value in (found | changes).items() if value is not ...}


def unreadable(body: bytes = BODY, **changes: Any) -> dict[str, Any]:
    return entry(body, service_request_id=UNREADABLE, event_id=envelope.digest(body), **changes)


def redelivery(body: bytes = OTHER) -> dict[str, Any]:
    return entry(body, event_id=f"{READ.event_id}#{envelope.digest(body)}", redelivery_of=READ.event_id)


@pytest.mark.parametrize(
    ("mine", "others", "expected"),
    [
        (entry(), [entry()], Verdict.HELD),
        (entry(), [entry(signature="of another key")], Verdict.HELD),
        (entry(), [], Verdict.MISSING),
        (entry(), [entry(OTHER)], Verdict.MISSING),
        (entry(), [entry(OTHER), redelivery(BODY)], Verdict.OTHER_FIRST),
        (redelivery(), [entry(OTHER)], Verdict.HELD),
        (redelivery(), [redelivery()], Verdict.HELD),
        (redelivery(), [entry()], Verdict.MISSING),
        (entry(), [unreadable()], Verdict.REFUSED),
        (entry(), [unreadable(), entry()], Verdict.HELD),
        (unreadable(), [entry()], Verdict.HELD),
        (unreadable(), [redelivery(BODY)], Verdict.HELD),
        (unreadable(signature=""), [unreadable(signature="")], Verdict.HELD),
        (unreadable(b"\xff"), [], Verdict.MISSING),
        (entry(b"\xff"), [], Verdict.MISSING),  # it was readable by the rules of its day
        (entry(signature=""), [], Verdict.UNPROVEN),
        (entry(signature=signing.sign(OTHER)), [], Verdict.UNPROVEN),
        (entry(event_id="another"), [], Verdict.UNPROVEN),
        ({**entry(), "body": None}, [entry()], Verdict.UNPROVEN),
        (entry(received_at=...), [], Verdict.UNPROVEN),
    ],
)
def test_an_entry_is_held_if_its_event_is_there_with_its_bytes(
    mine: dict[str, Any], others: list[dict[str, Any]], expected: Verdict
) -> None:
    assert rules.judge(mine, others, KEYS) is expected


@pytest.mark.parametrize(
    ("mine", "other", "is_same"),
    [
        (entry(), entry(), True),
        (entry(), entry(OTHER), False),
        (entry(), None, False),
        # Unsigned, other bytes look the same.
        (entry(signature=""), entry(OTHER, signature=""), False),
        (entry(signature=...), entry(signature=...), False),
    ],
)
def test_at_a_glance_only_a_signature_says_that_bytes_are_the_same(
    mine: dict[str, Any], other: dict[str, Any] | None, *, is_same: bool
) -> None:
    assert rules.is_same_at_a_glance(mine, other) is is_same


@pytest.mark.parametrize(
    ("changes", "is_comparable"),
    [
        ({}, True),
        ({"received_at": utc_timestamp.later(NOW, minutes=-rules.MINIMUM_AGE_MINUTES)}, True),
        ({"received_at": utc_timestamp.later(NOW, minutes=-rules.MINIMUM_AGE_MINUTES, seconds=0.001)}, False),
        ({"expires_at": utc_timestamp.epoch_seconds(NOW) + DAY}, False),
        ({"expires_at": utc_timestamp.epoch_seconds(NOW) + DAY + 1}, True),
        ({"received_at": utc_timestamp.later(NOW, days=-29)}, False),  # expired there, within the day
        ({"received_at": utc_timestamp.later(NOW, days=-28)}, True),
        # What only a person can have written is looked at.
        ({"expires_at": ...}, True),
        ({"received_at": "yesterday"}, True),
    ],
)
def test_what_is_on_its_way_or_about_to_expire_is_not_compared(changes: dict[str, Any], *, is_comparable: bool) -> None:
    assert rules.is_comparable(entry(**changes), retention_days=30, now=NOW) is is_comparable
