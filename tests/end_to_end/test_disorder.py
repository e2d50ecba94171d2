"""Rule: newest wins, whatever the order, the repetition and the concurrency."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import rsa

import simulator as wire
from local.environment import LocalEnvironment
from simulator import VectorCare, Webhook, sign
from tests.end_to_end.support import webhook

SENDERS = 4


def _history(rng: random.Random, *, length: int) -> list[Webhook]:
    """Make the events of one service request, oldest first: some of one second, some without data."""
    name = wire.new_service_request_id()
    begin = datetime.now(UTC) - timedelta(hours=1)
    history = []
    for second in range(length):
        status = rng.choice(["AVAILABLE", "ASSIGNED", "ASSIGNED", "COMPLETED", "UNAVAILABLE"])
        at = begin + timedelta(seconds=second // 3)
        event = webhook(
            service_request_id=name,
            event_id=wire.new_event_id(at),
            event_timestamp=at,
            request_status=status,
            action=f"STEP_{second}",
        )
        history.append(event if status != "UNAVAILABLE" else webhook(**(vars(event) | {"data": None})))
    return sorted(history, key=lambda event: (event.event_timestamp, event.event_id))


def test_a_storm_of_late_doubled_and_simultaneous_webhooks_ends_in_the_newest(
    local: LocalEnvironment, vectorcare: VectorCare, old_key: rsa.RSAPrivateKey, new_key: rsa.RSAPrivateKey
) -> None:
    # Given webhooks during a key rotation, signed with either key
    rng = random.Random(20260301)
    histories = [_history(rng, length=15) for _ in range(6)]
    storm = [
        (event, rng.choice([old_key, new_key]))
        for history in histories
        for event in history
        for _ in range(rng.choice([1, 1, 2]))
    ]
    rng.shuffle(storm)
    # When
    with ThreadPoolExecutor(SENDERS) as senders:
        answers = list(
            senders.map(lambda sent: vectorcare.send(sent[0].body, signature=sign(sent[0].body, sent[1])), storm)
        )
    # Then
    assert {answer.status for answer in answers} == {200}
    local.stack.settle()
    for history in histories:
        name, newest = history[0].service_request_id, history[-1]
        newest_data = [event for event in history if event.data is not None][-1]
        item = local.stack.service_request(name)
        assert item is not None
        assert (item["event_id"], item["action"]) == (newest.event_id, newest.action)
        assert item["data_event_id"] == newest_data.event_id
        kept = sorted(entry["body"] for entry in local.stack.journal(name))
        assert kept == sorted(event.body for event in history)
