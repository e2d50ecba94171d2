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
    local: LocalEnvironment, vectorcare: VectorCare
) -> None:
    # Given
    rng = random.Random(20260301)
    histories = [_history(rng, length=15) for _ in range(6)]
    storm = [event for history in histories for event in history for _ in range(rng.choice([1, 1, 2]))]
    rng.shuffle(storm)

    # When
    with ThreadPoolExecutor(SENDERS) as senders:
        answers = list(senders.map(lambda event: vectorcare.send(event.body), storm))

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


def test_during_a_rotation_either_key_signs_and_no_third_one(
    local: LocalEnvironment, vectorcare: VectorCare, old_key: rsa.RSAPrivateKey, new_key: rsa.RSAPrivateKey
) -> None:
    # Given
    before, after, forged = webhook(), webhook(), webhook()
    third_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    # When
    answers = [
        vectorcare.send(event.body, signature=sign(event.body, key))
        for event, key in [(before, old_key), (after, new_key), (forged, third_key)]
    ]

    # Then
    assert [answer.status for answer in answers] == [200, 200, 401]
    local.stack.settle()
    assert local.stack.service_request(before.service_request_id) is not None
    assert local.stack.service_request(after.service_request_id) is not None
    assert local.stack.service_request(forged.service_request_id) is None


def test_an_unavailable_that_overtakes_an_update_neither_erases_its_data_nor_keeps_it_out(
    local: LocalEnvironment, vectorcare: VectorCare
) -> None:
    # Given
    update = webhook(minutes_ago=2)
    declined = webhook(
        service_request_id=update.service_request_id,
        minutes_ago=1,
        request_status="UNAVAILABLE",
        action="BROADCAST_DECLINED",
        data=None,
    )

    # When
    for event in (declined, update):
        vectorcare.send(event.body)
        local.stack.settle()

    # Then
    item = local.stack.service_request(update.service_request_id)
    assert item is not None
    assert (item["request_status"], item["event_id"]) == ("UNAVAILABLE", declined.event_id)
    assert item["data_event_id"] == update.event_id
    assert item["data"]["patient_first_name"] == "Nobody"


def test_what_is_open_now_is_a_query_and_not_a_scan(local: LocalEnvironment, vectorcare: VectorCare) -> None:
    # Given
    status = "STATUS_OF_THIS_TEST"
    older, newer = webhook(minutes_ago=2, request_status=status), webhook(minutes_ago=1, request_status=status)
    for event in (older, newer):
        vectorcare.send(event.body)
    local.stack.settle()

    # When
    answer = local.emulator.aws.dynamodb.query(
        TableName=local.deployment.outputs["ServiceRequestsTable"],
        IndexName="by_status",
        KeyConditionExpression="request_status = :status",
        ExpressionAttributeValues={":status": {"S": status}},
        ScanIndexForward=False,
    )

    # Then
    assert [item["event_id"]["S"] for item in answer["Items"]] == [newer.event_id, older.event_id]
