"""Rule: what a verification opens is one webhook, signed with one key, until one moment."""

import hashlib

import pytest

from ingest import verification
from tests.support import signing
from tests.support.cloud import NOW, Cloud
from tests.support.webhooks import body
from vectorcare_bridge import utc_timestamp

LATER = utc_timestamp.later(NOW, minutes=10)
THROW_AWAY = signing.private_key("throw-away")
TRIED = body(service_request_id="TEST-0001")
SIGNED = signing.sign(TRIED, THROW_AWAY)


def variable(*, until: str = LATER, key: str = "") -> str:
    return f"{key or signing.encoded_public_key(THROW_AWAY)} {hashlib.sha256(TRIED).hexdigest()} {until}"


@pytest.fixture
def opened(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setattr("ingest.handler._verification", verification.load(variable()))
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: NOW)
    return cloud


def test_that_webhook_is_accepted_beside_vectorcares(opened: Cloud) -> None:
    assert opened.post(TRIED, signature=SIGNED) == (200, {"status": "accepted"})
    assert opened.post(body())[0] == 200


@pytest.mark.parametrize(
    "raw", [TRIED + b" ", body(service_request_id="TEST-0002"), body()], ids=["a byte more", "another", "a real one"]
)
def test_the_key_signs_nothing_else(opened: Cloud, raw: bytes) -> None:
    status, answer = opened.post(raw, signature=signing.sign(raw, THROW_AWAY))
    assert (status, answer["error"]) == (401, "X-VectorCare-Signature: no key verifies it")
    assert opened.messages() == 0


def test_the_bytes_alone_are_not_enough(opened: Cloud) -> None:
    assert opened.post(TRIED, signature=signing.sign(TRIED, signing.private_key("stranger")))[0] == 401
    assert opened.post(TRIED, signature=None)[0] == 401


def test_it_ends_by_itself(opened: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: LATER)
    assert opened.post(TRIED, signature=SIGNED)[0] == 401


@pytest.mark.parametrize("text", ["", "x", variable(until="soon"), variable(key="AAAA"), f"{variable()} more"])
def test_a_variable_that_is_empty_or_wrong_opens_nothing(text: str) -> None:
    assert verification.load(text) is None
