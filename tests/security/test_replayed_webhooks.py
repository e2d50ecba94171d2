"""Rule: a signature never expires, so anyone with an old signed request may send it again; that changes nothing."""

from unittest import mock

import pytest

from tests.support import signing
from tests.support.cloud import NOW, Cloud, running
from tests.support.webhooks import body
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp

STATE_RETENTION_DAYS = 365
JOURNAL_RETENTION_DAYS = 2555

LIFE = (
    body(event_id="a", event_timestamp="2026-03-01T10:00:00Z", request_status="AVAILABLE"),
    body(event_id="b", event_timestamp="2026-03-01T10:05:00Z", request_status="ASSIGNED"),
    body(event_id="c", event_timestamp="2026-03-01T10:30:00Z", request_status="COMPLETED"),
)
"""What VectorCare sent, and somebody recorded with its signatures."""


@pytest.fixture
def lived(cloud: Cloud) -> Cloud:
    for raw in LIFE:
        assert send(cloud, raw) == 200
    return cloud


def send(cloud: Cloud, raw: bytes) -> int:
    status, _answer = cloud.post(raw)
    assert cloud.process() == []
    return status


@pytest.mark.parametrize("raw", LIFE, ids=["first", "middle", "last"])
def test_a_replay_after_the_state_has_moved_on_changes_nothing(lived: Cloud, raw: bytes) -> None:
    # Given
    state, journal = lived.state(), lived.journal()
    # When the recorded request is sent again and again
    answers = [send(lived, raw) for _ in range(3)]
    # Then it is accepted, as a redelivery of VectorCare's own would be, and neither table has changed in any attribute
    assert answers == [200, 200, 200]
    assert lived.state() == state
    assert lived.journal() == journal


def test_a_replay_in_any_order_does_not_take_the_state_back(lived: Cloud) -> None:
    state = lived.state()
    for raw in reversed(LIFE):
        lived.post(raw)
    assert lived.process() == []
    assert lived.state() == state


def test_a_replay_after_the_state_has_expired_brings_nothing_back(lived: Cloud) -> None:
    # Given a closed request whose item is gone, because its retention is over
    state, journal = lived.state(), lived.journal()
    assert state is not None
    later = utc_timestamp.later(UtcTimestamp("2026-03-01T10:30:00.000000Z"), days=STATE_RETENTION_DAYS)
    assert state["expires_at"] == utc_timestamp.epoch_seconds(later)
    lived.dynamodb.delete_item(TableName="service_requests", Key={"service_request_id": {"S": "VC-TEST0001"}})
    # When all of its requests are sent again
    with mock.patch("vectorcare_bridge.edge.runtime.now", return_value=later):
        answers = [send(lived, raw) for raw in LIFE]
    # Then there is no item, and the journal is as it was
    assert answers == [200, 200, 200]
    assert lived.state() is None
    assert lived.journal() == journal


def test_a_replay_after_the_journal_has_expired_is_an_entry_and_no_state(cloud: Cloud) -> None:
    # Given tables that have forgotten the request, and a day on which the journal has too
    with mock.patch(
        "vectorcare_bridge.edge.runtime.now", return_value=utc_timestamp.later(NOW, days=JOURNAL_RETENTION_DAYS + 1)
    ):
        # When its requests are sent again
        answers = [send(cloud, raw) for raw in LIFE]
    # Then they are journaled, because signed means kept, and make no item
    assert answers == [200, 200, 200]
    assert [entry["event_id"] for entry in cloud.journal()] == ["a", "b", "c"]
    assert cloud.state() is None


def test_a_replay_with_a_new_date_is_refused(lived: Cloud) -> None:
    # Given the recorded signature over the same request, dated now
    state, journal = lived.state(), lived.journal()
    dated_now = LIFE[0].replace(b"2026-03-01T10:00:00Z", b"2026-03-01T11:59:00Z")
    assert dated_now != LIFE[0]
    # When it is sent
    status, _answer = lived.post(dated_now, signature=signing.sign(LIFE[0]))
    # Then it is not let in
    assert status == 401
    assert (lived.state(), lived.journal(), lived.messages()) == (state, journal, 0)


def test_a_replay_is_refused_once_the_key_that_signed_it_is_no_longer_listed() -> None:
    # Given an organization that has removed the old key
    with running(public_keys=signing.encoded_public_key(signing.private_key("new"))) as cloud:
        # When a request that the old one signed is sent, Then it is not let in
        assert cloud.post(LIFE[0])[0] == 401
        assert cloud.messages() == 0
