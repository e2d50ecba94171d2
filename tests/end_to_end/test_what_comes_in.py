"""What comes in over HTTP: what is answered, and what is kept, input by input."""

import json

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from local.environment import LocalEnvironment
from simulator import SIGNATURE_HEADER, VectorCare, sign
from tests.end_to_end.support import kept, webhook
from tests.support.wait import PATIENCE

LARGEST = 256 * 1024


def _padded(size: int) -> bytes:
    plain = webhook().body
    return plain[:-1] + b" " * (size - len(plain)) + b"}"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"%" * LARGEST, id="256 KiB that is no JSON"),
        pytest.param(b'{"event_id": "\xff\xfe\x80"}', id="not UTF-8"),
        pytest.param('{"event_id": "\uffff\ufffe"}'.encode(), id="U+FFFF"),
        pytest.param(b'{"event_id": "\x00\x01\x1f"}', id="NUL and control characters"),
    ],
)
def test_signed_bytes_are_kept_even_if_unreadable(
    local: LocalEnvironment, vectorcare: VectorCare, old_key: RSAPrivateKey, body: bytes
) -> None:
    # Given
    dead = local.stack.dead()
    # When
    answer = vectorcare.send(body)
    # Then
    assert (answer.status, json.loads(answer.text)) == (200, {"status": "accepted"})
    local.stack.settle()
    entry = local.stack.unreadable(body)
    assert entry is not None
    assert (entry["body"], entry["signature"]) == (body, sign(body, old_key))
    assert entry["reason"]
    assert local.stack.dead() == dead + 1


@pytest.mark.parametrize(
    ("body", "header"),
    [(webhook().body, "x-vectorcare-signature"), (_padded(LARGEST), "X-VECTORCARE-SIGNATURE")],
    ids=["usual", "exactly 256 KiB"],
)
def test_a_readable_webhook_becomes_state_and_journal(
    local: LocalEnvironment, old_key: RSAPrivateKey, body: bytes, header: str
) -> None:
    # Given
    event = json.loads(body)
    # When
    status = _request(local, body=body, headers={header: sign(body, old_key)})
    # Then
    assert status == 200
    local.stack.settle()
    (entry,) = local.stack.journal(event["service_request_id"])
    item = local.stack.service_request(event["service_request_id"])
    assert entry["body"] == body
    assert item is not None
    assert item["event_id"] == event["event_id"]


@pytest.mark.parametrize(
    ("body", "is_signed", "expected"),
    [(webhook().body, False, 401), (b"", True, 400), (b"%" * (LARGEST + 1), True, 413)],
    ids=["no signature", "empty", "one byte over 256 KiB"],
)
def test_a_refused_request_is_not_kept(
    local: LocalEnvironment, old_key: RSAPrivateKey, body: bytes, is_signed: bool, expected: int
) -> None:
    # Given
    before = kept(local)
    # When
    status = _request(local, body=body, headers={SIGNATURE_HEADER: sign(body, old_key)} if is_signed else {})
    # Then
    assert status == expected
    assert kept(local) == before


def test_other_methods_and_paths_are_refused_and_nothing_is_kept(
    local: LocalEnvironment, old_key: RSAPrivateKey
) -> None:
    # Given
    body = webhook().body
    headers = {SIGNATURE_HEADER: sign(body, old_key)}
    before = kept(local)
    # When
    elsewhere = [("GET", "webhook"), ("PUT", "webhook"), ("POST", "health"), ("POST", "elsewhere"), ("GET", "")]
    for method, path in elsewhere:
        assert _request(local, method=method, path=path, body=body, headers=headers) in (403, 405), (method, path)
    # Then
    assert kept(local) == before


def _request(
    local: LocalEnvironment,
    *,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    method: str = "POST",
    path: str = "webhook",
) -> int:
    base, _, query = local.deployment.webhook_url.partition("/webhook")
    with requests.Session() as session:
        session.trust_env = False
        url = f"{base}/{path}{query}"
        return session.request(method, url, data=body, headers=headers, timeout=PATIENCE).status_code
