"""What `python -m local run` refuses, and how it says what to do."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from local import environment
from local.__main__ import main
from local.deployment import deploy
from local.emulator import Emulator
from local.errors import LocalError
from local.organization import choose_organization, make_local_organization
from local.synthesis import Assembly
from tests.support import signing
from tests.support.repository import ROOT

BOOTSTRAP = {"BootstrapVersion": {"Type": "String", "Default": "/bootstrap/version"}}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's .local/ out of it; have organizations of two kinds and three keys."""
    monkeypatch.chdir(tmp_path)
    for folder, names in (("none", ()), ("one", ("acme",)), ("several", ("acme", "blue-cross")), ("wrong", ("acme",))):
        (tmp_path / folder).mkdir()
        for name in names:
            content = f'public_keys = ["""{signing.public_pem()}"""]\nenvironment = "uat"\n'
            (tmp_path / folder / f"{name}.toml").write_text(content)
    with (tmp_path / "wrong" / "acme.toml").open("a") as file:
        file.write('allowed_source_ips = ["300.0.0.0/8"]\n')
    (tmp_path / "own.pem").write_text(signing.private_pem())
    (tmp_path / "other.pem").write_text(signing.private_pem(signing.private_key("other")))
    (tmp_path / "broken.pem").write_text("not a key")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ("several", ("acme, blue-cross", "--organization")),
        ("one --organization acne", ("acne", "it holds acme")),
        ("none", ("no organization file", "NAME.toml")),
        ("one --private-key other.pem", ("other.pem is not the private key", "acme.toml")),
        ("one --private-key broken.pem", ("broken.pem cannot be read",)),
        ("wrong", ("acme.toml", "allowed_source_ips")),
        (f"{ROOT / 'organizations'} --organization example", ("example.toml is a sample", "--organizations")),
    ],
)
def test_a_mistake_in_the_arguments_is_one_line(arguments: str, parts: tuple[str, ...]) -> None:
    _is_one_line(_run("--organizations", *arguments.split()), *parts)


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
    with environment.exclusive(tmp_path / ".local"):
        _is_one_line(_run(), "already", "Ctrl-C")


def test_a_private_key_that_is_the_organizations_own_is_taken() -> None:
    # When
    organization = choose_organization(directory=Path("one"), name=None, private_key_file=Path("own.pem"))

    # Then
    assert (organization.name, organization.private_key_file) == ("acme", Path("own.pem"))


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


def test_a_resource_that_cannot_be_created_is_named_with_the_reason(tmp_path: Path) -> None:
    # Given
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": -1}}
    (tmp_path / "Odd.template.json").write_text(json.dumps({"Parameters": BOOTSTRAP, "Resources": {"OddQueue": queue}}))
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
    return CliRunner().invoke(main, ["run", "--once", "--port", "0", *arguments])


def _is_one_line(result: Result, *parts: str) -> None:
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    for part in parts:
        assert part in line
