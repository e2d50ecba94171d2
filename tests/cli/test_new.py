"""`bridge new` and `bridge check`."""

from pathlib import Path
from typing import Any

import click.testing
import pytest
from click.testing import Result

from stacks.config.errors import ConfigurationError
from stacks.config.organization import load_organization
from tests.cli.conftest import Run, parsed
from tests.stacks.organization_files import MINIMAL
from tests.support import signing

Ask = Any
EXAMPLE = Path(__file__).parents[2] / "organizations" / "example.toml"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "vectorcare.pem"
    path.write_text(signing.public_pem())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "organizations"


@pytest.fixture
def ask(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run `bridge new acme` with these answers, where click's place of standard input says that it is a terminal."""

    class Terminal(click.testing._NamedTextIOWrapper):
        def isatty(self) -> bool:
            return True

    def ask(*answers: str, options: tuple[str, ...] = ()) -> Result:
        monkeypatch.setattr(click.testing, "_NamedTextIOWrapper", Terminal)
        return run("new", "acme", "--organizations", str(folder), *options, input="\n".join([*answers, ""]))

    return ask


def test_options_alone_make_a_file_that_can_be_deployed(run: Run, folder: Path, key_file: Path) -> None:
    # Given
    options = ["--public-key", str(key_file), "--environment", "production"]
    options += ["--alarm-email", "ops@acme.example", "--allow-ip", "203.0.113.0/24"]
    # When
    result = run("new", "acme", "--organizations", str(folder), *options, "--json")
    other = run("new", "other", "--organizations", str(folder), *options, "--json")
    # Then
    assert result.exit_code == 0, result.output
    organization = load_organization(folder / "acme.toml")
    assert organization.environment == "production"
    assert organization.alarm_emails == ("ops@acme.example",)
    assert organization.allowed_source_ips == ("203.0.113.0/24",)
    assert organization.encoded_public_keys == signing.encoded_public_key()
    assert parsed(result)["customer_id"] == organization.customer_id
    # And the customer_id cannot be guessed
    assert len({parsed(result)["customer_id"], parsed(other)["customer_id"]}) == 2
    assert len(organization.customer_id) >= 32


def test_an_existing_file_is_never_overwritten(run: Run, folder: Path, key_file: Path) -> None:
    # Given
    folder.mkdir()
    (folder / "acme.toml").write_text("mine")
    # When
    result = run("new", "acme", "--organizations", str(folder), "--public-key", str(key_file), "--environment", "uat")
    # Then
    assert result.exit_code == 1
    assert (folder / "acme.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "option", "problem"),
    [
        ("acme", ("--alarm-email", "nobody"), "alarm_emails[0]"),
        ("acme", ("--allow-ip", "203.0.113.7/24"), "allowed_source_ips[0]"),
        ("../acme", (), "cannot be a stack's"),
        ("a" * 300, (), "too long"),
        ("a_b", (), "cannot be a stack's"),
    ],
)
def test_what_could_not_be_deployed_is_not_written(
    name: str, option: tuple[str, ...], problem: str, run: Run, tmp_path: Path
) -> None:
    # Given
    key_file = tmp_path / "key.pem"
    key_file.write_text(signing.public_pem())
    options = ["--organizations", str(tmp_path / "here"), "--public-key", str(key_file), "--environment", "uat"]
    # When
    result = run("new", name, *options, *option)
    # Then
    assert result.exit_code == 1
    assert problem in result.stderr
    assert list(tmp_path.rglob("*.toml")) == []


def test_without_a_terminal_what_is_missing_is_named(run: Run, folder: Path) -> None:
    # When
    result = run("new", "acme", "--organizations", str(folder))
    # Then
    assert result.exit_code == 2
    assert "--public-key and --environment" in result.stderr
    assert not folder.exists()


@pytest.mark.parametrize("key", [signing.public_pem().strip(), "vectorcare.pem"], ids=["pasted", "file"])
def test_answers_make_a_file_that_can_be_deployed_and_a_wrong_one_is_asked_for_again(
    ask: Ask, folder: Path, key_file: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.chdir(key_file.parent)
    # When
    result = ask("no such file", key, "uat", "nobody", "ops@acme.example, night@acme.example", "")
    # Then
    assert result.exit_code == 0, result.output
    assert "alarm_emails[0]" in result.stderr
    organization = load_organization(folder / "acme.toml")
    assert organization.alarm_emails == ("ops@acme.example", "night@acme.example")
    assert organization.allowed_source_ips == ()
    assert organization.encoded_public_keys == signing.encoded_public_key()


def test_what_an_option_says_is_not_asked_for(ask: Ask, folder: Path, key_file: Path) -> None:
    # When
    result = ask("", "", options=("--public-key", str(key_file), "--environment", "uat"))
    # Then
    assert result.exit_code == 0, result.output
    assert "Paste it" not in result.stderr
    assert (folder / "acme.toml").exists()


def test_a_private_key_is_refused_and_not_repeated(ask: Ask, folder: Path) -> None:
    # When
    result = ask(signing.private_pem().strip())
    # Then
    assert result.exit_code == 1
    assert "is a private key" in result.stderr
    assert signing.private_pem().splitlines()[1] not in result.stderr
    assert not folder.exists()


def test_check_reports_each_mistake_in_the_words_of_a_deployment_and_hides_no_other_file(
    run: Run, tmp_path: Path
) -> None:
    # Given
    path = tmp_path / "acme.toml"
    path.write_text('environment = "sandbox"\n')
    with pytest.raises(ConfigurationError) as refused:
        load_organization(path)
    # When
    result = run("check", str(path), str(tmp_path / "missing.toml"), str(EXAMPLE), "--json")
    # Then
    assert result.exit_code == 1
    wrong, missing, right = parsed(result)
    assert (wrong["error"], bool(missing["error"]), right["error"]) == (str(refused.value), True, None)


def test_check_without_files_checks_the_folder_and_the_sample_is_right_and_never_deployed(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "example.toml").write_bytes(EXAMPLE.read_bytes())
    result = run("check", "--organizations", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "ok, VectorCareBridge-example, uat, keys eaf60108912e; a sample, which" in " ".join(result.stdout.split())
    # And a copy that still has its key is not
    (tmp_path / "acme.toml").write_bytes(EXAMPLE.read_bytes())
    result = run("check", "--organizations", str(tmp_path), "--json")
    assert result.exit_code == 1
    assert ["is the sample's key" in (each["error"] or "") for each in parsed(result)] == [True, False]


def test_check_compares_a_file_with_the_others_of_its_folder(run: Run, tmp_path: Path) -> None:
    # Given
    for name in ("acme", "acme-reading", "other"):
        (tmp_path / f"{name}.toml").write_text(MINIMAL + 'customer_id = "one"\n' * (name != "acme-reading"))
    # When
    (acme,) = parsed(run("check", str(tmp_path / "acme.toml"), "--json"))
    (reading,) = parsed(run("check", str(tmp_path / "acme-reading.toml"), "--json"))
    shown = run("check", str(tmp_path / "acme.toml"))
    # Then
    assert (acme["error"], [text.split(".toml have one customer_id")[0] for text in acme["warnings"]]) == (
        None,
        ["acme.toml and other"],
    )
    assert "has the name that acme.toml gives to its own reading resources" in reading["error"]
    assert (shown.exit_code, "WARNING: acme.toml and other.toml" in shown.stdout) == (0, True)


def test_the_sample_is_not_deployed(run: Run) -> None:
    result = run("deploy", "example", "--yes")
    assert result.exit_code == 1
    assert "organizations/example.toml is a sample and is never deployed. Make a file: bridge new" in result.stderr
