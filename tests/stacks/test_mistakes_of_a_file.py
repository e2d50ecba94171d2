"""A file is read to its end whatever is wrong with it: no mistake hides another, and no secret is repeated."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.config import toml_file
from stacks.config.errors import ConfigurationError
from stacks.config.organization import load_organization
from tests.stacks.organization_files import EVERYTHING, MINIMAL
from tests.support.repository import ROOT

EXAMPLE = (ROOT / "organizations/example.toml").read_text()
SENTENCES = """\
environment = uat
order_by = "event_id"
order_by = "event_timestamp"
nonsense
publish_actions = [
  "ACCEPT",
  "accept",

max_concurrency =
publish_data = True
customer_id = "abc
public_keys = [
  '''
-----BEGIN PUBLIC KEY-----
MIIB==
-----END PUBLIC KEY-----

alarm_emails = [ # the people
  "oncall@example.com",
  # on call
  "nobody"]
[alarms]
silence_minutes = 30
silence_minutes = 60
busy_days = ["MON" "TUE"]
[alarms]
time_zone = "Mars"
"""
# Each in a line of its own; the value must not be repeated.
VALUE = "Zebulon4Zebulon4Zebulon4"
SECRETS = {
    f'client_secret = "{VALUE}"': "CredentialsSecret",
    f'client_id = "{VALUE}"': "CredentialsSecret",
    f'AWS_SECRET_ACCESS_KEY = "{VALUE}"': "your AWS profile",
    f'api-key = "{VALUE}"': "CredentialsSecret",
    f'"db.password" = "{VALUE}"': "CredentialsSecret",
    f"key_id = 'AKIA{'ZEBULON' * 2}22'": "your AWS profile",
    f"# the old password: '{VALUE}'": "CredentialsSecret",
    f'# client_secret="{VALUE}"': "CredentialsSecret",
    f'vectorcare_token_url = "https://me:{VALUE}@auth.example.com/token"': "CredentialsSecret",
    f'vectorcare_token_url = "https://auth.example.com/token?client_secret={VALUE}"': "CredentialsSecret",
    f"note = 'eyJ{VALUE}.eyJ{VALUE}.{VALUE}'": "is not needed here",
    f"# {'-----BEGIN'} RSA PRIVATE KEY-----": "only its owner needs it",
}


def mistakes(path: Path, text: str) -> list[str]:
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load_organization(path)
    return [line.removeprefix(f"{path}:") for line in str(refused.value).splitlines()]


def test_each_line_that_cannot_be_read_is_named_and_the_rest_is_checked(tmp_path: Path) -> None:
    found = mistakes(tmp_path / "acme.toml", SENTENCES)
    assert [line.split(";")[0] for line in found] == [
        "1: environment: is neither true, false nor a number",
        "3: order_by: is in line 2 already",
        "4: a line: is not TOML",
        "5: publish_actions: is not closed: a quote or a bracket is missing at its end",
        "10: publish_data: is neither true, false nor a number",
        "11: customer_id: has no quote at its end",
        "12: public_keys: is not closed: a quote or a bracket is missing at its end",
        "21: alarm_emails[1]: is not an e-mail address",
        "24: alarms.silence_minutes: is in line 23 already",
        "25: alarms.busy_days: is not TOML",
        "26: [alarms]: is in line 22 already",
        "27: alarms.time_zone: is not a time zone",
    ]


@pytest.mark.parametrize(("line", "belongs"), SECRETS.items())
def test_a_secret_is_named_with_its_place_and_never_repeated(tmp_path: Path, line: str, belongs: str) -> None:
    (found,) = mistakes(tmp_path / "acme.toml", f"{line}\n{MINIMAL}")
    assert found.startswith("1: ")
    assert "looks like" in found
    assert belongs in found
    assert "ebulon" not in found.lower()


def test_a_secret_in_a_file_that_is_not_toml_is_named_too(tmp_path: Path) -> None:
    found = mistakes(tmp_path / "acme.toml", f"{MINIMAL}nonsense\nclient_secret = {VALUE}\n")
    assert [text.split(": ")[1:3][1][:10] for text in found] == ["is not TOM", "looks like"]


def test_of_another_kind_of_file_not_every_line_is_named(tmp_path: Path) -> None:
    found = mistakes(tmp_path / "acme.toml", "a = [\n" * 500)
    assert [len(found), found[50].split(":")[1]] == [51, " the rest"]
    (too_long,) = mistakes(tmp_path / "acme.toml", f"# {'secret_' * 100_000}\n")
    assert "is too long for an organization's file" in too_long


@pytest.mark.parametrize("text", [MINIMAL, EVERYTHING, EXAMPLE], ids=["minimal", "everything", "example"])
def test_what_is_right_is_taken_for_no_secret_and_each_key_has_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "example.toml"
    path.write_text(text)
    load_organization(path)
    document = toml_file.read(path)
    lines = text.splitlines()
    assert document.content.keys() <= document.lines.keys()
    for where, line in document.lines.items():
        if "[" not in where:
            assert where.rsplit(".", 1)[-1] in lines[line - 1]


@given(cut=st.integers(0, len(EXAMPLE)), more=st.text("\"'[]{}=,#\n\\ a", max_size=20), skip=st.integers(0, 60))
def test_any_damage_ends_in_lines_and_no_text_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, cut: int, more: str, skip: int
) -> None:
    # Given a sample with a hole and something else in it
    path = tmp_path_factory.getbasetemp() / "example.toml"
    path.write_text(EXAMPLE[:cut] + more + EXAMPLE[cut + skip :])
    # When
    try:
        load_organization(path)
    except ConfigurationError as error:
        # Then
        for line in str(error).splitlines():
            assert line.startswith((f"{path}:", f"{path}: "))
            assert "PBvxi8q9HKJnMA78" not in line
