"""`bridge send`."""

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from cli.lib.stack import Stack
from simulator import DeliveryAnswer, VectorCare
from tests.cli.conftest import Run, parsed
from tests.stacks.organization_files import with_keys
from tests.support import signing, webhooks
from tests.support.cloud import Cloud

Sent = list[bytes]


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "uat.pem"
    path.write_text(signing.private_pem())
    return path


@pytest.fixture
def describe(tmp_path: Path) -> Callable[..., str]:
    """Write the organization's file; return the folder."""

    def describe(*, environment: str = "uat", key: RSAPrivateKey | None = None) -> str:
        (tmp_path / "acme.toml").write_text(
            with_keys(signing.public_pem(key))
            + f'environment = "{environment}"\ncustomer_id = "acme-7Jw2-not-guessable"\n'
            + "alarms_without_email = true\n"
        )
        return str(tmp_path)

    return describe


@pytest.fixture
def sent(stack: Stack, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Put the real ingest function where the wire would be; give what came to it."""
    bodies: Sent = []

    def post(self: VectorCare, body: bytes, *, signature: str | None = None) -> DeliveryAnswer:
        assert self._webhook_url == stack.outputs["WebhookUrl"]
        bodies.append(body)
        with redirect_stdout(io.StringIO()):  # the function's metrics
            status, answer = cloud.post(body, signature=signature or signing.sign(body, self._private_key))
        return DeliveryAnswer(status=status, text=str(answer), seconds=0.1)

    monkeypatch.setattr(VectorCare, "send", post)
    return bodies


def test_a_sample_is_signed_taken_and_carries_the_status_of_its_action(
    run: Run, sent: Sent, key_file: Path, describe: Callable[..., str], cloud: Cloud
) -> None:
    # When
    result = run(
        *("send", "--action", "BROADCAST_ACCEPTED", "--count", "2"),
        *("--key", str(key_file), "--organizations", describe(), "--json"),
    )
    # Then
    assert result.exit_code == 0, result.output
    assert {answer["status"] for answer in parsed(result)} == {200}
    bodies = {message["body"].encode() for message in cloud.receive()}
    assert bodies == {*sent}
    names = {answer["service_request_id"] for answer in parsed(result)}
    assert len(names) == 2
    assert {f'"{name}", "request_status": "ASSIGNED"'.encode() in body for name in names for body in bodies} == {
        True,
        False,
    }


def test_a_file_is_sent_byte_for_byte(
    run: Run, sent: Sent, key_file: Path, describe: Callable[..., str], tmp_path: Path
) -> None:
    # Given
    body = b"  " + webhooks.body() + b"\r\n"
    (tmp_path / "webhook.json").write_bytes(body)
    # When
    result = run(
        "send", str(tmp_path / "webhook.json"), "--count", "2", "--key", str(key_file), "--organizations", describe()
    )
    # Then
    assert result.exit_code == 0
    assert sent == [body, body]
    assert "VC-TEST0001" in result.stdout
    assert webhooks.INVENTED_NAME not in result.output


@pytest.mark.parametrize(
    ("organization", "message"),
    [
        ({"environment": "production"}, "works only with UAT"),
        ({"key": signing.private_key("other")}, "not in public_keys"),
        (None, "acme.toml"),
    ],
    ids=["production", "another key", "no file"],
)
def test_it_sends_only_to_uat_with_a_listed_key(
    run: Run,
    sent: Sent,
    key_file: Path,
    describe: Callable[..., str],
    tmp_path: Path,
    *,
    organization: dict[str, Any] | None,
    message: str,
) -> None:
    # Given
    folder = str(tmp_path) if organization is None else describe(**organization)
    # When
    result = run("send", "--key", str(key_file), "--organizations", folder)
    # Then
    assert (result.exit_code, sent) == (1, [])
    assert message in result.stderr


def test_in_the_local_environment_its_own_key_signs(
    run: Run, sent: Sent, stack: Stack, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    local = replace(stack, local_environment={"private_key_file": str(key_file)})
    monkeypatch.setattr("cli.lib.stack.find", lambda *_, **__: local)
    # When
    result = run("send", "--local")
    # Then
    assert result.exit_code == 0, result.output
    assert len(sent) == 1


def test_without_a_key_it_is_called_wrongly(run: Run, sent: Sent) -> None:
    # When
    result = run("send")
    # Then
    assert result.exit_code == 2
    assert "--key" in result.stderr
    assert sent == []


def test_what_is_refused_is_reported_and_fails(
    run: Run, sent: Sent, key_file: Path, describe: Callable[..., str], tmp_path: Path
) -> None:
    # Given
    (tmp_path / "empty.json").write_bytes(b"")
    # When
    result = run("send", str(tmp_path / "empty.json"), "--key", str(key_file), "--organizations", describe(), "--json")
    # Then
    assert result.exit_code == 1
    assert parsed(result)[0]["status"] == 400
    assert len(sent) == 1


@pytest.mark.usefixtures("stack")
def test_an_address_that_does_not_answer_is_reported_without_its_customer_id(
    run: Run, key_file: Path, describe: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    def refuse(*_: Any, **__: Any) -> None:
        raise requests.ConnectionError("https://example.invalid/webhook?customer_id=acme-7Jw2")

    monkeypatch.setattr(requests.Session, "post", refuse)
    # When
    result = run("send", "--key", str(key_file), "--organizations", describe())
    # Then
    assert result.exit_code == 1
    assert "does not answer" in result.stderr
    assert "acme-7Jw2" not in result.output
