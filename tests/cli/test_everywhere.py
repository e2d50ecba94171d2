"""`bridge status` looks at all accounts and regions that the organizations' files name, and says what it cannot see."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from cli.lib import everywhere, stack
from cli.lib.errors import BridgeError
from cli.lib.everywhere import Found

HERE, THERE = "111111111111", "222222222222"
WHERE: dict[str, Any] = {"local": False, "profile": None, "region": None, "stand_file": Path()}


class Cloud:
    """CloudFormation of one account and region, and STS."""

    def __init__(self, account: str, region: str, *names: str) -> None:
        self.account, self.names, self.meta = account, names, SimpleNamespace(region_name=region)

    def __call__(self, _service: str) -> "Cloud":
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self.account}

    def get_paginator(self, _operation: str) -> "Cloud":
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"StackSummaries": [{"StackName": f"VectorCareBridge-{name}"} for name in self.names]}]

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 boto3's name
        return {"Stacks": [{"Outputs": [{"OutputKey": "Name", "OutputValue": StackName}]}]}


@pytest.fixture
def clouds(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[tuple[str | None, str | None], Any]], None]:
    """Say what is found with a profile in a region; an exception is raised."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)

    def clouds(by_setting: dict[tuple[str | None, str | None], Any]) -> None:
        def connect(profile: str | None, region: str | None) -> Any:
            found = by_setting[profile, region]
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(stack, "connect_to_aws", connect)
        monkeypatch.setattr("cli.lib.place.has_profile", lambda _: True)

    return clouds


def find(folder: Path, **settings: str) -> list[tuple[str, str, str, str]]:
    """Give each stack's organization, account and region, and what is known of it."""
    found = everywhere.find(**WHERE | settings, organizations=folder)
    return sorted((each.organization, each.account, each.region, _state(each)) for each in found)


def _state(found: Found) -> str:
    return "deployed" if found.stack else found.problem or "absent"


def test_the_account_in_use_and_those_of_the_files_are_looked_at_and_a_stack_is_found_once(
    tmp_path: Path, clouds: Any
) -> None:
    # Given a file with a twin, one of the account in use, one that is not deployed, and a stack without a file
    (tmp_path / "acme.toml").write_text(
        f'account = "{THERE}"\nregion = "us-east-1"\nprofile = "p"\n[twin]\nregion = "us-west-2"\n'
    )
    (tmp_path / "clinic.toml").write_text('profile = "default"\nregion = "us-east-1"\n')
    (tmp_path / "new.toml").write_text(f'account = "{HERE}"\nregion = "us-east-1"\n')
    (tmp_path / "anywhere.toml").write_text("")
    here = Cloud(HERE, "us-east-1", "clinic", "old")
    clouds(
        {
            (None, None): here,
            (None, "us-east-1"): here,
            ("default", "us-east-1"): here,
            ("p", "us-east-1"): Cloud(THERE, "us-east-1", "acme"),
            ("p", "us-west-2"): Cloud(THERE, "us-west-2", "acme"),
        }
    )
    # When / Then
    assert find(tmp_path) == [
        ("acme", THERE, "us-east-1", "deployed"),
        ("acme", THERE, "us-west-2", "deployed"),
        ("clinic", HERE, "us-east-1", "deployed"),
        ("new", HERE, "us-east-1", "absent"),
        ("old", HERE, "us-east-1", "deployed"),
    ]


def test_an_account_that_cannot_be_asked_or_is_another_is_a_line_and_not_the_end(tmp_path: Path, clouds: Any) -> None:
    # Given
    (tmp_path / "acme.toml").write_text('region = "us-east-1"\nprofile = "p"\n')
    (tmp_path / "clinic.toml").write_text(f'account = "{THERE}"\nregion = "eu-west-1"\n')
    expired = ClientError({"Error": {"Code": "ExpiredToken"}}, "GetCallerIdentity")
    clouds(
        {
            (None, None): NoCredentialsError(),
            ("p", "us-east-1"): expired,
            (None, "eu-west-1"): Cloud(HERE, "eu-west-1", "x"),
        }
    )
    # When
    acme, clinic, found = find(tmp_path)
    # Then
    assert acme[:3] == ("acme", "", "us-east-1")
    assert "AWS does not accept your credentials (ExpiredToken)" in acme[3]
    assert clinic[:3] == ("clinic", THERE, "eu-west-1")
    assert f"clinic.toml says account {THERE}, and these are credentials of account {HERE}" in clinic[3]
    assert found == ("x", HERE, "eu-west-1", "deployed")


def test_settings_that_somebody_has_named_are_a_line_too(
    tmp_path: Path, clouds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme.toml").write_text('region = "us-east-1"\nprofile = "p"\n')
    clouds({(None, None): BridgeError("No AWS region is set."), ("p", "us-east-1"): Cloud(HERE, "us-east-1", "acme")})
    assert [each[0] for each in find(tmp_path)] == ["acme"]
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert [(each[0], each[3]) for each in find(tmp_path)] == [("", "No AWS region is set."), ("acme", "deployed")]


def test_with_an_option_only_that_account_and_region_are_looked_at(tmp_path: Path, clouds: Any) -> None:
    (tmp_path / "acme.toml").write_text('region = "us-east-1"\nprofile = "p"\n')
    clouds({(None, "eu-west-1"): Cloud(HERE, "eu-west-1", "clinic")})
    assert find(tmp_path, region="eu-west-1") == [("clinic", HERE, "eu-west-1", "deployed")]


@pytest.mark.parametrize(
    ("here", "error"),
    [(NoCredentialsError(), NoCredentialsError), (Cloud(HERE, "us-east-1"), BridgeError)],
    ids=["no credentials", "no stack"],
)
def test_one_account_that_has_nothing_to_look_at_ends_the_command(
    tmp_path: Path, clouds: Any, here: Any, error: type[Exception]
) -> None:
    clouds({(None, None): here})
    with pytest.raises(error):
        find(tmp_path)
