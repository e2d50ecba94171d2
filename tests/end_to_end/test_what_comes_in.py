"""The API's promise, input by input: what is answered, and what is kept."""

import base64
import json
from collections.abc import Callable

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from local.environment import LocalEnvironment
from simulator import SIGNATURE_HEADER, VectorCare, sign
from tests.end_to_end.support import kept, webhook
from tests.support.wait import PATIENCE

LARGEST = 256 * 1024


def _padded(size: int) -> bytes:
    """Make a readable webhook of exactly so many bytes."""
    plain = webhook().body
    return plain[:-1] + b" " * (size - len(plain)) + b"}"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"x", id="one byte"),
        pytest.param(b"%" * LARGEST, id="256 KiB that is no JSON"),
        pytest.param(b'{"event_id": "not closed', id="broken JSON"),
        pytest.param(b'{"event_id": "\xff\xfe\x80"}', id="not UTF-8"),
        pytest.param('{"event_id": "\uffff\ufffe"}'.encode(), id="U+FFFF"),
        pytest.param(b'{"event_id": "\x00\x01\x1f"}', id="NUL and control characters"),
        pytest.param(b'{"event_type": "created", "event": {}}', id="version 1"),
        pytest.param(b"[]", id="not an object"),
    ],
)
def test_whatever_is_signed_is_kept_even_if_nobody_can_read_it(
    local: LocalEnvironment, vectorcare: VectorCare, old_key: rsa.RSAPrivateKey, body: bytes
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


@pytest.mark.parametrize("size", [pytest.param(None, id="usual"), pytest.param(LARGEST, id="exactly 256 KiB")])
def test_a_readable_webhook_becomes_state_and_journal(
    local: LocalEnvironment, vectorcare: VectorCare, size: int | None
) -> None:
    # Given
    body = _padded(size) if size else webhook().body
    event = json.loads(body)

    # When
    answer = vectorcare.send(body)

    # Then
    assert answer.status == 200
    local.stack.settle()
    (entry,) = local.stack.journal(event["service_request_id"])
    item = local.stack.service_request(event["service_request_id"])
    assert entry["body"] == body
    assert item is not None
    assert item["event_id"] == event["event_id"]


def _altered(body: bytes) -> bytes:
    return body.replace(b"AVAILABLE", b"AVAILABLF", 1)


def _reserialized(body: bytes) -> bytes:
    return json.dumps(json.loads(body), separators=(",", ":")).encode()


def _pss(body: bytes, key: rsa.RSAPrivateKey) -> str:
    return base64.b64encode(key.sign(body, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())).decode()


def _sha1(body: bytes, key: rsa.RSAPrivateKey) -> str:
    return base64.b64encode(key.sign(body, padding.PKCS1v15(), SHA1())).decode()  # noqa: S303 - to be refused


def _another_key(body: bytes, _key: rsa.RSAPrivateKey) -> str:
    return sign(body, rsa.generate_private_key(public_exponent=65537, key_size=2048))


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(lambda _body, _key: None, id="missing"),
        pytest.param(lambda _body, _key: "", id="empty"),
        pytest.param(lambda _body, _key: "not base64!", id="malformed"),
        pytest.param(lambda body, key: sign(body, key)[:-8], id="cut short"),
        pytest.param(_another_key, id="another key"),
        pytest.param(lambda body, key: sign(_altered(body), key), id="body altered by one byte"),
        pytest.param(lambda body, key: sign(_reserialized(body), key), id="signed over re-serialised JSON"),
        pytest.param(_pss, id="PSS padding"),
        pytest.param(_sha1, id="SHA-1"),
    ],
)
def test_what_vectorcare_did_not_sign_is_refused_and_not_kept(
    local: LocalEnvironment,
    old_key: rsa.RSAPrivateKey,
    signature: Callable[[bytes, rsa.RSAPrivateKey], str | None],
) -> None:
    # Given
    body = webhook().body
    before = kept(local)

    # When
    value = signature(body, old_key)
    status = _request(local, body=body, headers={} if value is None else {SIGNATURE_HEADER: value})

    # Then
    assert status == 401
    assert kept(local) == before


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("", id="missing"),
        pytest.param("?customer_id=", id="empty"),
        pytest.param("?customer_id=somebody-else", id="another's"),
        pytest.param("?customer_id=rehearsal", id="the organization's name, which anyone can guess"),
    ],
)
def test_a_signed_webhook_for_another_customer_is_refused_and_not_kept(
    local: LocalEnvironment, old_key: rsa.RSAPrivateKey, query: str
) -> None:
    # Given
    body = webhook().body
    before = kept(local)

    # When
    status = _request(local, body=body, headers={SIGNATURE_HEADER: sign(body, old_key)}, query=query)

    # Then
    assert status == 401
    assert kept(local) == before


@pytest.mark.parametrize(
    ("body", "expected"),
    [pytest.param(b"", 400, id="empty"), pytest.param(b"%" * (LARGEST + 1), 413, id="one byte over 256 KiB")],
)
def test_a_signed_body_of_no_size_that_a_webhook_has_is_refused_and_not_kept(
    local: LocalEnvironment, vectorcare: VectorCare, body: bytes, expected: int
) -> None:
    # Given
    before = kept(local)

    # When
    answer = vectorcare.send(body)

    # Then
    assert answer.status == expected
    assert kept(local) == before


@pytest.mark.parametrize("name", ["x-vectorcare-signature", "X-VECTORCARE-SIGNATURE"])
def test_the_signature_header_may_come_in_any_case(
    local: LocalEnvironment, old_key: rsa.RSAPrivateKey, name: str
) -> None:
    # Given
    body = webhook().body

    # When
    status = _request(local, body=body, headers={name: sign(body, old_key)})

    # Then
    assert status == 200
    local.stack.settle()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "webhook"),
        ("HEAD", "webhook"),
        ("PUT", "webhook"),
        ("DELETE", "webhook"),
        ("POST", "health"),
        ("POST", "elsewhere"),
        ("GET", ""),
    ],
)
def test_other_methods_and_paths_are_refused(
    local: LocalEnvironment, old_key: rsa.RSAPrivateKey, method: str, path: str
) -> None:
    # Given
    body = webhook().body
    before = kept(local)

    # When
    status = _request(local, method=method, path=path, body=body, headers={SIGNATURE_HEADER: sign(body, old_key)})

    # Then
    assert status in (403, 405)
    assert kept(local) == before


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_answers_without_a_signature(local: LocalEnvironment, method: str) -> None:
    assert _request(local, method=method, path="health", query="") == 200


def _request(
    local: LocalEnvironment,
    *,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    method: str = "POST",
    path: str = "webhook",
    query: str | None = None,
) -> int:
    base, _, usual_query = local.deployment.webhook_url.partition("/webhook")
    with requests.Session() as session:
        session.trust_env = False
        url = f"{base}/{path}{usual_query if query is None else query}"
        return session.request(method, url, data=body, headers=headers, timeout=PATIENCE).status_code
