"""What comes in, what is answered, what is kept."""

import base64
import json
import threading
from typing import Any

import pytest

from ingest.keep import QUEUE_SECONDS, SPOOL_SECONDS
from local.vectorcare import GIVES_UP_AFTER
from tests.support import faults, signing
from tests.support.cloud import CUSTOMER_ID, Cloud, running
from tests.support.webhooks import INVENTED_NAME, body
from tests.unit.conftest import Output
from vectorcare_bridge import message

LIMIT = 256 * 1024


def kept(cloud: Cloud) -> list[bytes]:
    """Take what is on the queue, as the processor would read it."""
    return [
        message.decode(
            record["body"],
            {name: attribute["stringValue"] for name, attribute in record["messageAttributes"].items()},
            sent_at="never",
        ).body
        for record in cloud.receive()
    ]


@pytest.mark.parametrize(
    "raw",
    [b"x", body(), b"\xff\x00 not text", "\uffff".encode(), b"{" * LIMIT, b"\0" * LIMIT],
    ids=["one byte", "webhook", "no UTF-8", "U+FFFF", "256 KiB", "256 KiB of NUL"],
)
def test_whatever_carries_a_valid_signature_is_kept_byte_for_byte(cloud: Cloud, raw: bytes) -> None:
    # Given signed bytes, When they are posted
    answer = cloud.post(raw)
    # Then they are accepted, and on the queue as they were
    assert answer == (200, {"status": "accepted"})
    assert kept(cloud) == [raw]


def test_signature_and_time_of_receipt_travel_along(cloud: Cloud) -> None:
    cloud.post(body())
    attributes = {name: value["stringValue"] for name, value in cloud.receive()[0]["messageAttributes"].items()}
    assert attributes["signature"] == signing.sign(body())
    assert len(attributes["received_at"]) == 27
    assert (attributes["source"], attributes["redriven"]) == ("vectorcare", "0")


@pytest.mark.parametrize("name", ["x-vectorcare-signature", "X-VECTORCARE-SIGNATURE", "X-VectorCare-Signature"])
def test_the_header_is_found_in_any_case(cloud: Cloud, name: str) -> None:
    assert cloud.post(body(), headers={name: signing.sign(body())})[0] == 200


def test_a_body_that_is_not_base64_encoded_is_taken_as_its_utf8_bytes(cloud: Cloud) -> None:
    raw = body(data={"city": "Z\u00fcrich"}).decode()
    assert cloud.post(raw.encode(), body=raw, isBase64Encoded=False)[0] == 200
    assert kept(cloud) == [raw.encode()]


REFUSED: dict[str, tuple[int, dict[str, Any]]] = {
    "empty": (400, {"body": ""}),
    "no body": (400, {"body": None}),
    "broken base64": (400, {"body": "%%%"}),
    "one byte too many": (413, {"body": base64.b64encode(b"x" * (LIMIT + 1)).decode()}),
    "no query": (401, {"queryStringParameters": None}),
    "no customer": (401, {"queryStringParameters": {"customer": CUSTOMER_ID}}),
    "another customer": (401, {"queryStringParameters": {"customer_id": CUSTOMER_ID + "x"}}),
    "another's case": (401, {"queryStringParameters": {"customer_id": CUSTOMER_ID.upper()}}),
    "no ASCII customer": (401, {"queryStringParameters": {"customer_id": "\u00e4\ud800"}}),
    "no headers": (401, {"headers": None}),
    "altered": (401, {"body": base64.b64encode(body(action="ALTERED")).decode()}),
    "unsigned": (401, {"headers": {}}),
    "another method": (405, {"httpMethod": "GET"}),
    "another path": (405, {"resource": "/other"}),
}


@pytest.mark.parametrize(("status", "changes"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_is_kept_nowhere(cloud: Cloud, status: int, changes: dict[str, Any]) -> None:
    # Given a good request with one thing wrong, When it is posted
    answer, content = cloud.post(body(), **changes)
    # Then it is refused with a reason, and nothing is kept
    assert answer == status
    assert content["error"]
    assert cloud.messages() == 0
    assert cloud.spooled() == []


def test_a_signature_over_reserialised_json_is_refused(cloud: Cloud) -> None:
    compact = json.dumps(json.loads(body()), separators=(",", ":")).encode()
    assert cloud.post(body(), signature=signing.sign(compact))[0] == 401


def test_any_of_the_organizations_keys_may_have_signed() -> None:
    # Given an organization with two keys
    new = signing.private_key("new")
    both = f"{signing.encoded_public_key()},{signing.encoded_public_key(new)}"
    with running(public_keys=both) as cloud:
        # When each signs, Then each is let in
        assert cloud.post(body())[0] == 200
        assert cloud.post(body(), signature=signing.sign(body(), new))[0] == 200


def test_health_needs_no_signature(cloud: Cloud) -> None:
    response = cloud.invoke("ingest", {"httpMethod": "GET", "resource": "/health", "body": None})
    assert (response["statusCode"], json.loads(response["body"])) == (200, {"status": "ok"})


@pytest.mark.parametrize("error", [faults.unreachable, lambda: faults.refusal("KMS.DisabledException"), RuntimeError])
def test_what_the_queue_refuses_is_spooled(cloud: Cloud, error: type[Exception]) -> None:
    # Given a queue that refuses
    with faults.failing("SendMessage", error=error):
        # When a webhook comes in, Then it is accepted all the same
        assert cloud.post(body()) == (200, {"status": "accepted"})
    # And is in the spool, byte for byte
    [key] = cloud.spooled()
    stored = cloud.s3.get_object(Bucket="spool", Key=key)
    assert stored["Body"].read() == body()
    assert stored["Metadata"]["signature"] == signing.sign(body())


def test_what_nobody_keeps_is_not_accepted(cloud: Cloud) -> None:
    # Given queue and spool both down, When a webhook comes in
    with faults.failing("SendMessage", "PutObject"):
        answer, content = cloud.post(body())
    # Then VectorCare is told to try again
    assert answer == 503
    assert content["error"]


def test_a_silent_queue_is_given_up(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a queue that does not answer until the test is over
    monkeypatch.setattr("ingest.keep.QUEUE_SECONDS", 0.01)
    is_over = threading.Event()

    def keep_silent(operation: str, after: bool) -> None:
        if operation == "SendMessage" and after:
            is_over.wait()

    with faults.on_call(keep_silent):
        try:
            # When a webhook comes in, Then it is accepted, and in the spool
            assert cloud.post(body())[0] == 200
            assert len(cloud.spooled()) == 1
        finally:
            is_over.set()


def test_queue_and_spool_are_given_up_before_vectorcare_gives_up() -> None:
    assert QUEUE_SECONDS + SPOOL_SECONDS < GIVES_UP_AFTER


def test_what_ingest_says_holds_no_payload(cloud: Cloud, output: Output) -> None:
    # Given every way a request can end, errors that repeat their input among them
    with faults.failing("SendMessage", error=lambda: faults.refusal("X")):
        cloud.post(body())
    with faults.failing("SendMessage", "PutObject", error=lambda: faults.refusal("X")):
        cloud.post(body())
    for _status, changes in REFUSED.values():
        cloud.post(body(), **changes)
    cloud.post(body())
    # When its output is searched
    text = output.text()
    # Then lines are there, and no payload value, customer id or signature
    assert "webhook.received" in text
    for secret in (INVENTED_NAME, "VC-TEST0001", CUSTOMER_ID, signing.sign(body())[:40]):
        assert secret not in text


def test_every_answer_is_counted_once(cloud: Cloud, output: Output) -> None:
    # Given one accepted, one forged and one for another customer
    cloud.post(body())
    cloud.post(body(), signature="AAAA")
    cloud.post(body(), customer_id="other")
    # When the metrics are read
    lines = [json.loads(line) for line in output.text().splitlines() if '"_aws"' in line]
    counted = {name for line in lines for name in line if name[0].isupper()}
    # Then each is there, apart
    assert counted == {"Accepted", "IngestMilliseconds", "SignedByKey", "SignatureInvalid", "WrongCustomer"}
    assert all(line["organization"] == "acme" for line in lines)
