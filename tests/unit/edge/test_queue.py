"""Messages are received with their attributes, and are invisible for as long as they should be."""

import pytest

from tests.support import faults
from tests.support.cloud import Cloud
from vectorcare_bridge.edge.queue import Queue, QueueDepth
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.message import Webhook


@pytest.fixture
def queue(cloud: Cloud) -> Queue:
    queue = Queue(cloud.sqs, cloud.queue_url)
    queue.send(message.encode(Webhook(b"{}", "c2ln", UtcTimestamp("2026-03-01T12:00:00.000000Z"))))
    return queue


def test_a_receive_asks_all_servers(queue: Queue) -> None:
    with faults.short_polls_that_find_nothing():
        assert len(queue.receive(maximum=10, visibility_timeout=60)) == 1


def test_a_message_comes_with_its_attributes_and_the_time_it_was_sent(queue: Queue) -> None:
    (received,) = queue.receive(maximum=10, visibility_timeout=60)
    assert received["MessageAttributes"].keys() == {"source", "signature", "received_at", "redriven"}
    assert int(received["Attributes"]["SentTimestamp"]) > 0


def test_a_received_message_is_in_flight_until_it_is_returned(queue: Queue) -> None:
    # Given a message that was received
    (received,) = queue.receive(maximum=10, visibility_timeout=60)
    assert queue.receive(maximum=10, visibility_timeout=60) == []
    assert queue.depth() == QueueDepth(visible=0, in_flight=1, delayed=0)
    # When it is returned for later, Then it stays invisible
    queue.change_visibility(received["ReceiptHandle"], seconds=600)
    assert queue.receive(maximum=10, visibility_timeout=60) == []
    # When it is returned for now, Then it is visible
    queue.change_visibility(received["ReceiptHandle"], seconds=0)
    assert len(queue.receive(maximum=10, visibility_timeout=60)) == 1


def test_a_deleted_message_is_gone(queue: Queue) -> None:
    (received,) = queue.receive(maximum=10, visibility_timeout=60)
    queue.delete(received["ReceiptHandle"])
    assert queue.depth().total == 0
