"""What ingest accepts, answers and stores."""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from ingest.enqueue_or_spool import QUEUE_SECONDS, SPOOL_SECONDS
from simulator import GIVES_UP_AFTER
from tests.support import faults, signing
from tests.support.cloud import CUSTOMER_ID, NOW, Cloud
from tests.support.webhooks import INVENTED_NAME, body
from tests.unit.conftest import Output
from vectorcare_bridge.webhooks import message

LIMIT = 256 * 1024


def kept(cloud: Cloud) -> list[bytes]:
    """Take what is on the queue, as the processor would read it."""
    return [
        message.decode(
            record["body"],
            {name: attribute["stringValue"] for name, attribute in record["messageAttributes"].items()},
            sent_at=NOW,
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


@pytest.mark.parametrize("name", ["x-vectorcare-signature", "X-VECTORCARE-SIGNATURE", "X-VectorCare-Signature"])
def test_the_header_is_found_in_any_case(cloud: Cloud, name: str) -> None:
    assert cloud.post(body(), headers={name: signing.sign(body())})[0] == 200


REFUSED: dict[str, tuple[int, dict[str, Any]]] = {
    "empty": (400, {"body": ""}),
    "no body": (400, {"body": None}),
    "broken base64": (400, {"body": "%%%"}),
    "one byte too many": (413, {"body": base64.b64encode(b"x" * (LIMIT + 1)).decode()}),
    "no query": (401, {"queryStringParameters": None}),
    "no customer": (401, {"queryStringParameters": {"customer": CUSTOMER_ID}}),
    "no ASCII customer": (401, {"queryStringParameters": {"customer_id": "\u00e4\ud800"}}),
    "no headers": (401, {"headers": None}),
    "altered": (401, {"body": base64.b64encode(body(action="ALTERED")).decode()}),
    "unsigned": (401, {"headers": {}}),
    "another method": (405, {"httpMethod": "GET"}),
    "another path": (405, {"resource": "/other"}),
}


@pytest.mark.parametrize(("status", "changes"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_request_is_not_stored(cloud: Cloud, status: int, changes: dict[str, Any]) -> None:
    # Given a good request with one thing wrong, When it is posted
    answer, content = cloud.post(body(), **changes)
    # Then it is refused with a reason, and nothing is stored
    assert answer == status
    assert content["error"]
    assert cloud.messages() == 0
    assert cloud.spooled() == []


def test_health_needs_no_signature(cloud: Cloud) -> None:
    response = cloud.invoke("ingest", {"httpMethod": "GET", "resource": "/health", "body": None})
    assert (response["statusCode"], json.loads(response["body"])) == (200, {"status": "ok"})


@pytest.mark.parametrize("resource", ["/health", "/webhook", "/other"])
def test_head_is_answered_as_get_is_without_a_body(cloud: Cloud, resource: str) -> None:
    get, head = (
        cloud.invoke("ingest", {"httpMethod": method, "resource": resource, "body": None}) for method in ("GET", "HEAD")
    )
    assert head == get | {"body": ""}


def headed(**headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"headers": {"X-VectorCare-Signature": signing.sign(body())} | named}


def carrying(raw: bytes) -> dict[str, Any]:
    return {"body": base64.b64encode(raw).decode()}


def signed(*values: str) -> dict[str, Any]:
    """Give a header that came several times, as a REST API hands it over."""
    name = "x-vectorcare-signature"
    return {"headers": {name: values[-1]}, "multiValueHeaders": {name: list(values)}}


OTHER_BYTES = "made by a listed key, but over other bytes than these: the body is not what was signed"
COMPRESSED = f"{OTHER_BYTES}; a Content-Encoding says that it was compressed on the way"
FORM = f"{OTHER_BYTES}; a Content-Type says that it was made a form on the way"
OTHER_FORM = "made by a listed key, but not as RSA PKCS#1 v1.5 over SHA-256"
PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.MAX_LENGTH)
STRANGER = signing.sign(body(), signing.private_key("stranger"))
UNPROVEN: dict[str, tuple[str, dict[str, Any]]] = {
    "a line end added": (OTHER_BYTES, carrying(body() + b"\n")),
    "written again": (OTHER_BYTES, carrying(json.dumps(json.loads(body()), indent=2).encode())),
    "compressed": (COMPRESSED, headed(content_encoding="GZIP ") | carrying(gzip.compress(body()))),
    "compressed, not said": (OTHER_BYTES, carrying(gzip.compress(body()))),
    "identity": (OTHER_BYTES, headed(Content_Encoding="identity") | carrying(b"{}")),
    "a form": (FORM, headed(Content_Type="multipart/form-data; boundary=x") | carrying(b"--x")),
    "a URL-encoded form": (FORM, headed(Content_Type="Application/X-WWW-Form-Urlencoded") | carrying(b"a=b")),
    "another digest": (
        OTHER_FORM,
        signed(base64.b64encode(signing.private_key().sign(body(), padding.PKCS1v15(), SHA512())).decode()),
    ),
    "another padding": (
        OTHER_FORM,
        signed(base64.b64encode(signing.private_key().sign(body(), PSS, SHA256())).decode()),
    ),
    "hex": ("not base64", signed(base64.b64decode(signing.sign(body())).hex())),
    "folded": ("not base64", signed(f"{signing.sign(body())}, {signing.sign(body())}")),
    "given twice": ("given more than once, with different values", signed(signing.sign(body()), "AAAA")),
    "a stranger's": ("no key verifies it", signed(STRANGER)),
    "a stranger's, compressed": (
        "no key verifies it",
        {"headers": {"X-VectorCare-Signature": STRANGER, "Content-Encoding": "gzip"}},
    ),
    "none": ("missing", {"headers": {"Content-Encoding": "gzip"}}),
}


def test_a_401_explains_why_the_signature_does_not_hold(cloud: Cloud, output: Output) -> None:
    # Given signed webhooks that something on the way has changed, or that were signed in another way
    for name, (reason, changes) in UNPROVEN.items():
        # When it is posted, Then the answer says why
        status, answer = cloud.post(body(), **changes)
        assert (status, answer["error"]) == (401, f"X-VectorCare-Signature: {reason}"), name
    # And so does the log, and nothing is kept
    lines = [json.loads(line) for line in output.text().splitlines()]
    logged = [line["reason"] for line in lines if line.get("message") == "signature.verified"]
    assert logged == [reason for reason, _changes in UNPROVEN.values()]
    assert cloud.messages() == 0


def test_a_401_about_the_signature_names_the_bytes_that_arrived(cloud: Cloud) -> None:
    # Given an unsigned body of all bytes, When it is posted
    every_byte = bytes(range(256))
    _, answer = cloud.post(b"{}", **carrying(every_byte), headers={})
    # Then its sender can see that nothing was changed on the way
    assert answer["body_sha256"] == hashlib.sha256(every_byte).hexdigest()
    # And who does not even know the customer_id learns nothing
    _, answer = cloud.post(b"{}", queryStringParameters=None)
    assert answer.keys() == {"error"}


def test_the_same_signature_twice_is_one(cloud: Cloud) -> None:
    assert cloud.post(body(), **signed(signing.sign(body()), signing.sign(body())))[0] == 200


def test_a_compressed_body_that_was_signed_as_it_came_is_accepted(cloud: Cloud) -> None:
    raw = gzip.compress(body())
    headers = {"X-VectorCare-Signature": signing.sign(raw), "Content-Encoding": "gzip"}
    assert cloud.post(raw, headers=headers)[0] == 200
    assert kept(cloud) == [raw]


def test_a_too_large_body_is_refused_before_it_is_decoded(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given that nothing is decoded
    monkeypatch.setattr("ingest.request.base64.b64decode", lambda *_args, **_kwargs: pytest.fail("decoded"))
    for size in (LIMIT + 1, LIMIT + 2, LIMIT + 3, 6_000_000):
        # When it is posted, Then
        raw = b"x" * size
        assert cloud.post(raw, signature="AAAA")[0] == 413
        assert cloud.post(raw, signature="AAAA", body=raw.decode(), isBase64Encoded=False)[0] == 413
    # Also if characters are more than one byte each
    assert cloud.post(b"", signature="AAAA", body="\u00e4" * LIMIT, isBase64Encoded=False)[0] == 413


def test_a_body_up_to_the_limit_is_accepted(cloud: Cloud) -> None:
    # In base64, or as text in UTF-8
    for raw in (b"x" * (LIMIT - 2), b"x" * (LIMIT - 1), "\u00fc".encode() * (LIMIT // 2)):
        assert cloud.post(raw)[0] == 200
        assert cloud.post(raw, body=raw.decode(), isBase64Encoded=False)[0] == 200
        assert kept(cloud) == [raw, raw]


def test_a_webhook_that_is_too_large_is_counted_if_it_is_for_this_organization(cloud: Cloud, output: Output) -> None:
    # Given two webhooks that are too large, one with another's customer id
    large = b"x" * (LIMIT + 1)
    assert cloud.post(large)[0] == 413
    assert cloud.post(large, customer_id="other")[0] == 401
    # When the metrics are read, Then
    assert sum(line.get("TooLarge", [0])[0] for line in map(json.loads, output.text().splitlines())) == 1


@pytest.mark.parametrize("error", [faults.unreachable, lambda: faults.refusal("KMS.DisabledException"), RuntimeError])
def test_a_webhook_that_the_queue_refuses_is_spooled(cloud: Cloud, error: type[Exception]) -> None:
    # Given a queue that refuses
    with faults.failing("SendMessage", error=error):
        # When a webhook comes in, Then it is accepted
        assert cloud.post(body()) == (200, {"status": "accepted"})
    # And is in the spool, byte for byte
    [key] = cloud.spooled()
    stored = cloud.s3.get_object(Bucket="spool", Key=key)
    assert stored["Body"].read() == body()
    assert stored["Metadata"]["signature"] == signing.sign(body())


def test_two_webhooks_of_the_same_microsecond_are_both_spooled(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a stopped clock, and a queue that refuses
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: NOW)
    with faults.failing("SendMessage"):
        # When two webhooks come in
        assert cloud.post(body(event_id="e1"))[0] == cloud.post(body(event_id="e2"))[0] == 200
    # Then both reach the queue
    assert cloud.invoke("drain", {})["moved"] == 2
    assert sorted(kept(cloud)) == [body(event_id="e1"), body(event_id="e2")]


def test_a_webhook_that_neither_queue_nor_spool_took_is_not_accepted(cloud: Cloud) -> None:
    # Given queue and spool both down, When a webhook comes in
    with faults.failing("SendMessage", "PutObject"):
        answer, content = cloud.post(body())
    # Then VectorCare has to try again
    assert answer == 503
    assert content["error"]


def test_queue_and_spool_are_given_up_before_vectorcare_gives_up() -> None:
    assert QUEUE_SECONDS + SPOOL_SECONDS < GIVES_UP_AFTER


def test_the_logs_of_ingest_hold_no_payload(cloud: Cloud, output: Output) -> None:
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


FORMER_IDS = frozenset({"acme", "globex-9Qx4"})


@pytest.fixture
def moving_cloud(cloud: Cloud) -> Iterator[Cloud]:
    """Give a cloud whose organization is on its way to another customer id and to a domain of its own."""
    with cloud.settings("ingest", former_customer_ids=FORMER_IDS, domain_name="webhooks.example.com"):
        yield cloud


def counted_by(output: Output, metric: str, dimension: str) -> list[str]:
    lines = [json.loads(line) for line in output.text().splitlines() if f'"{metric}"' in line]
    return [line[dimension] for line in lines]


@pytest.mark.parametrize(
    ("customer_id", "kind"),
    [(CUSTOMER_ID, "current"), ("acme", "former"), ("globex-9Qx4", "former")],
)
def test_a_former_customer_id_is_accepted_beside_the_new_one_and_counted_without_its_value(
    moving_cloud: Cloud, output: Output, customer_id: str, kind: str
) -> None:
    # Given a signed webhook, When it comes with one of the ids
    assert moving_cloud.post(body(), customer_id=customer_id)[0] == 200
    # Then it is kept, and counted by the kind of its id
    assert moving_cloud.messages() == 1
    assert counted_by(output, "AcceptedByCustomerId", "customer_id") == [kind]


@pytest.mark.parametrize("customer_id", ["", None, "acm", "acme,globex-9Qx4", "ACME"])
def test_nothing_else_is_a_former_customer_id(moving_cloud: Cloud, customer_id: str | None) -> None:
    assert moving_cloud.post(body(), customer_id=customer_id)[0] == 401
    assert moving_cloud.messages() == 0


def test_without_former_customer_ids_an_empty_one_is_refused(cloud: Cloud) -> None:
    assert cloud.post(body(), customer_id="")[0] == 401


@pytest.mark.parametrize(
    ("called", "kind"),
    [
        ("webhooks.example.com", "own"),
        ("a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "default"),
        ("hooks.example.com", "other"),
        (None, "other"),
    ],
)
def test_during_a_move_webhooks_are_counted_by_the_domain_that_was_called(
    moving_cloud: Cloud, output: Output, called: str | None, kind: str
) -> None:
    assert moving_cloud.post(body(), requestContext={"domainName": called})[0] == 200
    assert counted_by(output, "AcceptedByDomain", "domain") == [kind]
