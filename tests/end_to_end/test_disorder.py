"""Rule: newest wins, whatever the order, the repetition and the concurrency."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.asymmetric import rsa

from local.environment import LocalEnvironment
from simulator import VectorCare
from verification.load import audit, plan
from verification.load.clients import Sent

SENDERS = 4


def test_a_storm_of_late_doubled_and_simultaneous_webhooks_ends_in_the_newest(
    local: LocalEnvironment, vectorcare: VectorCare, old_key: rsa.RSAPrivateKey, new_key: rsa.RSAPrivateKey
) -> None:
    # Given webhooks during a key rotation, signed with either key
    rng = random.Random(20260301)
    storm = [event for key in (old_key, new_key) for event in plan.make(60, key, rng)]
    storm += rng.choices(storm, k=30)
    rng.shuffle(storm)
    earlier, dead = audit.journal_keys(local), local.stack.dead()
    # When
    with ThreadPoolExecutor(SENDERS) as senders:
        answers = list(senders.map(lambda event: vectorcare.send(event.body, signature=event.signature), storm))
    # Then
    assert {answer.status for answer in answers} == {200}
    local.stack.settle()
    sent = Sent(accepted_at={event.event_id: time.time() for event in storm})
    found = audit.take(local, storm, sent, earlier=earlier, dead_before=dead)
    assert found.adds_up, found
