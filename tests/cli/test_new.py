"""`bridge new` and `bridge check`."""

from pathlib import Path
from typing import Any
from unittest import mock

import click.testing
import pytest
from click.testing import Result

from cli.lib import time_zone
from cli.lib.errors import BridgeError
from stacks.config.errors import ConfigurationError
from stacks.config.organization import load_organization
from tests.cli.conftest import Run, parsed
from tests.stacks.organization_files import CERTIFICATE_ARN, MINIMAL
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
    """Run `bridge new acme` with these answers, and Enter to all that follows.

    click's place of standard input says that it is a terminal, and no AWS profile is in use.
    """
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)

    class Terminal(click.testing._NamedTextIOWrapper):
        def isatty(self) -> bool:
            return True

    def ask(*answers: str, options: tuple[str, ...] = ()) -> Result:
        monkeypatch.setattr(click.testing, "_NamedTextIOWrapper", Terminal)
        return run("new", "acme", "--organizations", str(folder), *options, input="\n".join([*answers, *[""] * 10]))

    return ask


def test_options_alone_make_a_file_that_can_be_deployed(run: Run, folder: Path, key_file: Path) -> None:
    # Given
    options = ["--public-key", str(key_file), "--environment", "production"]
    options += ["--alarm-email", "ops@acme.example", "--allow-ip", "203.0.113.0/24"]
    options += ["--account", "123456789012", "--region", "us-east-1", "--profile", "acme"]
    options += ["--time-zone", "America/Chicago", "--busy-hours", "06:00-10:00", "--busy-day", "SUN"]
    options += ["--silence-minutes", "0"]
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
    assert (organization.account, organization.region, organization.profile) == ("123456789012", "us-east-1", "acme")
    alarms = organization.alarms
    assert (alarms.time_zone, alarms.busy_hours.minutes, alarms.busy_days) == ("America/Chicago", 240, ("SUN",))
    assert alarms.silence_minutes == 0
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


@pytest.mark.parametrize(("there", "name"), [("acme-reading", "acme"), ("acme", "acme-reading"), ("Acme", "acme")])
def test_a_name_that_another_file_would_share_on_aws_is_not_asked_about(
    run: Run, folder: Path, there: str, name: str
) -> None:
    folder.mkdir()
    (folder / f"{there}.toml").write_text(MINIMAL)
    result = run("new", name, "--organizations", str(folder))
    assert result.exit_code == 1
    assert "Choose another name" in result.stderr
    assert len(list(folder.iterdir())) == 1


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


def test_busy_hours_are_asked_for_in_the_machines_time_zone_and_silence_fits_into_them(
    ask: Ask, folder: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setenv("TZ", "America/Chicago")
    # When
    answers = ("", "", "", "morning", "08:00-12:00", "mon, sat", "soon", "300", "")
    result = ask(*answers, options=("--public-key", str(key_file), "--environment", "uat"))
    # Then
    assert result.exit_code == 0, result.output
    assert "acme.toml:" not in result.stderr  # nobody has written it yet
    assert [word in result.stderr for word in ("is not a span of hours", "not a number", "not less than the 240")] == [
        True,
        True,
        True,
    ]
    alarms = load_organization(folder / "acme.toml").alarms
    assert (alarms.time_zone, f"{alarms.busy_hours.start:%H:%M}", alarms.busy_days) == (
        "America/Chicago",
        "08:00",
        ("MON", "SAT"),
    )
    assert alarms.silence_minutes == 120


@pytest.mark.parametrize(
    ("zone", "files", "known"),
    [
        ("Europe/Berlin", {"timezone": "America/Chicago\n"}, "Europe/Berlin"),
        ("", {"timezone": "America/Chicago\n"}, "America/Chicago"),
        (":Mars/Olympus", {"timezone": "Etc/UTC\n", "localtime": "/usr/share/zoneinfo/Asia/Tokyo"}, "Asia/Tokyo"),
        ("UTC", {"localtime": "/usr/share/zoneinfo/Etc/UTC"}, None),
        ("", {}, None),
    ],
)
def test_the_machines_time_zone_is_one_in_which_people_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, files: dict[str, str], known: str | None
) -> None:
    monkeypatch.setenv("TZ", zone)
    for name, content in files.items():
        if content.startswith("/"):
            (tmp_path / name).symlink_to(content)
        else:
            (tmp_path / name).write_text(content)
    assert time_zone.of_this_machine(tmp_path) == known


def test_in_production_nobody_to_hear_of_an_alarm_is_asked_about(ask: Ask, folder: Path, key_file: Path) -> None:
    # When no address is given, no other system is said to be there, and then one is
    result = ask("", "n", "", "y", options=("--public-key", str(key_file), "--environment", "production"))
    # Then
    assert result.exit_code == 0, result.output
    assert "Then name an address" in result.stderr
    assert load_organization(folder / "acme.toml").alarms_without_email


def test_in_production_a_script_says_who_hears_of_an_alarm(run: Run, folder: Path, key_file: Path) -> None:
    options = ("--organizations", str(folder), "--public-key", str(key_file), "--environment", "production")
    refused = run("new", "acme", *options)
    assert (refused.exit_code, "Give --alarm-email (or --alarms-without-email)" in refused.stderr) == (2, True)
    assert run("new", "acme", *options, "--alarms-without-email").exit_code == 0


@pytest.mark.parametrize("answer", ["y", "n"])
def test_the_account_of_the_profile_in_use_is_offered(
    ask: Ask,
    folder: Path,
    key_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
) -> None:
    # Given
    monkeypatch.setenv("AWS_PROFILE", "acme")
    account = mock.Mock(id="123456789012", region="us-east-1")
    monkeypatch.setattr("cli.verbs.new.Account", lambda *_: account)
    # When
    result = ask(*[""] * 6, answer, options=("--public-key", str(key_file), "--environment", "uat"))
    # Then
    assert result.exit_code == 0, result.output
    organization = load_organization(folder / "acme.toml")
    written = (organization.account, organization.region, organization.profile)
    assert written == (("123456789012", "us-east-1", None) if answer == "y" else (None, None, None))


def test_without_an_answer_of_aws_no_account_is_offered(
    ask: Ask, folder: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.verbs.new.Account", mock.Mock(side_effect=BridgeError("The AWS login has expired.")))
    monkeypatch.setenv("AWS_PROFILE", "acme")
    assert ask(options=("--public-key", str(key_file), "--environment", "uat")).exit_code == 0
    assert load_organization(folder / "acme.toml").account is None


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


def test_check_says_what_a_move_has_left_to_do(run: Run, tmp_path: Path) -> None:
    # Given a file with a domain that does not say whether the old URL may go
    domain = f'domain_name = "webhooks.example.com"\ncertificate_arn = "{CERTIFICATE_ARN}"\n'
    (tmp_path / "acme.toml").write_text(MINIMAL + domain)
    # When
    (acme,) = parsed(run("check", str(tmp_path / "acme.toml"), "--json"))
    # Then
    assert acme["error"] is None
    assert ["keep_default_url = false" in text for text in acme["warnings"]] == [True]


def test_the_sample_is_not_deployed(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cli.verbs.deploy.session.FOLDER", tmp_path)  # where nobody else deploys
    result = run("deploy", "example", "--yes")
    assert result.exit_code == 1
    assert "organizations/example.toml is a sample and is never deployed. Make a file: ./bridge new" in result.stderr
