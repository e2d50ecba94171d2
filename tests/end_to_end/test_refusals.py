"""What the command refuses, and how it says what to do."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from local import environment
from local.__main__ import main
from local.deployment import deploy
from local.emulator import Emulator
from local.errors import LocalError
from local.organization import choose_organization, make_local_organization
from local.synthesis import Assembly


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's .local/ out of it."""
    monkeypatch.chdir(tmp_path)


def test_a_busy_port(tmp_path: Path) -> None:
    # Given
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        # When
        result = _run("--port", str(port))

    # Then
    _is_one_line(result, f"Port {port}", "--port")
    assert not (tmp_path / ".local" / "emulator").exists()


def test_a_local_environment_that_is_running_already(tmp_path: Path) -> None:
    # Given
    with environment.exclusive(tmp_path / ".local"):
        # When
        result = _run("--port", "0")

    # Then
    _is_one_line(result, "already", "Ctrl-C")


def test_several_organizations_and_none_chosen(tmp_path: Path) -> None:
    # Given
    for name in ("acme", "blue-cross"):
        _write_organization(tmp_path / f"{name}.toml", _key())

    # When
    result = _run("--organizations", str(tmp_path))

    # Then
    _is_one_line(result, "acme, blue-cross", "--organization")


def test_an_organization_that_is_not_there(tmp_path: Path) -> None:
    # Given
    _write_organization(tmp_path / "acme.toml", _key())

    # When
    result = _run("--organizations", str(tmp_path), "--organization", "acne")

    # Then
    _is_one_line(result, "acne", "it holds acme")


def test_a_folder_without_organizations(tmp_path: Path) -> None:
    # When
    result = _run("--organizations", str(tmp_path))

    # Then
    _is_one_line(result, "no organization file", "NAME.toml")


def test_a_private_key_that_is_not_the_organizations_own(tmp_path: Path) -> None:
    # Given
    _write_organization(tmp_path / "acme.toml", _key())
    _write_private_key(tmp_path / "other.pem", _key())

    # When
    result = _run("--organizations", str(tmp_path), "--private-key", str(tmp_path / "other.pem"))

    # Then
    _is_one_line(result, "other.pem is not the private key", "acme.toml")


def test_a_private_key_that_is_none(tmp_path: Path) -> None:
    # Given
    _write_organization(tmp_path / "acme.toml", _key())
    (tmp_path / "key.pem").write_text("not a key")

    # When
    result = _run("--organizations", str(tmp_path), "--private-key", str(tmp_path / "key.pem"))

    # Then
    _is_one_line(result, "key.pem cannot be read")


def test_a_private_key_that_is_the_organizations_own_is_taken(tmp_path: Path) -> None:
    # Given
    key = _key()
    _write_organization(tmp_path / "acme.toml", key)
    _write_private_key(tmp_path / "key.pem", key)

    # When
    organization = choose_organization(directory=tmp_path, name=None, private_key_file=tmp_path / "key.pem")

    # Then
    assert (organization.name, organization.private_key_file) == ("acme", tmp_path / "key.pem")


def test_the_local_organizations_key_pair_is_made_only_once(tmp_path: Path) -> None:
    # Given
    first = make_local_organization(tmp_path)
    assert first.private_key_file is not None
    key = first.private_key_file.read_bytes()

    # When
    second = make_local_organization(tmp_path)

    # Then
    assert second == first
    assert first.private_key_file.read_bytes() == key


def test_an_organizations_file_with_a_mistake_is_named_with_the_mistake(tmp_path: Path) -> None:
    # Given
    _write_organization(tmp_path / "acme.toml", _key())
    with (tmp_path / "acme.toml").open("a") as file:
        file.write('allowed_source_ips = ["300.0.0.0/8"]\n')

    # When
    result = _run("--port", "0", "--organizations", str(tmp_path))

    # Then
    assert result.exit_code == 1
    assert "acme.toml" in result.stderr
    assert "allowed_source_ips" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_resource_that_cannot_be_created_is_named_with_the_reason(tmp_path: Path) -> None:
    # Given
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": -1}}
    (tmp_path / "Odd.template.json").write_text(json.dumps({"Resources": {"OddQueue": queue}}))
    source = {"path": "Odd.template.json", "packaging": "file"}
    destination = {"bucketName": "assets", "objectKey": "odd.json"}
    files = {"odd": {"source": source, "destinations": {"here": destination}}}
    (tmp_path / "Odd.assets.json").write_text(json.dumps({"files": files}))
    assembly = Assembly(directory=tmp_path, stack_name="Odd")

    # When
    with Emulator(directory=tmp_path / "emulator", port=0) as emulator, pytest.raises(LocalError) as refusal:
        deploy(assembly, emulator)

    # Then
    assert "OddQueue (AWS::SQS::Queue)" in str(refusal.value)
    assert str(emulator.log_file) in str(refusal.value)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run", *arguments])


def _is_one_line(result: Result, *parts: str) -> None:
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    for part in parts:
        assert part in line


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _write_organization(path: Path, key: rsa.RSAPrivateKey) -> None:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    path.write_text(f'public_keys = ["""{pem}"""]\nenvironment = "uat"\n')


def _write_private_key(path: Path, key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
