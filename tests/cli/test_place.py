"""An organization's file says where its stack is; nothing is made anywhere else."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from cli.lib import stack
from cli.lib.errors import BridgeError
from cli.lib.place import Place, open_account, read_place
from stacks.config.organization import Organization

ACCOUNT, OTHER = "123456789012", "210987654321"
FILE = Place(account=ACCOUNT, region="eu-west-1", profile="acme", file="acme.toml")
CERTIFICATE = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/1"


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config").write_text(
        "".join(
            f"[profile {name}]\naws_access_key_id = x\naws_secret_access_key = x\nregion = us-west-1\n"
            for name in ("acme", "mine")
        )
    )
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "config"))


@pytest.fixture
def sts() -> Any:
    """Let AWS say whose credentials these are; give what was asked."""
    asked: list[tuple[str, str]] = []

    def call(client: BaseClient, operation: str, _parameters: Any) -> Any:
        asked.append((operation, client.meta.region_name))
        if operation == "DescribeStacks":
            return {"Stacks": [{"Outputs": []}]}
        return {"Account": ACCOUNT}

    with mock.patch.object(BaseClient, "_make_api_call", call):
        yield asked


def organization(**keys: str | None) -> Organization:
    return Organization(**{"name": "acme", "public_keys": (b"",), "customer_id": "acme"} | keys)  # type: ignore[arg-type]  # of strings alone


@pytest.mark.parametrize(
    ("options", "environment", "settings"),
    [
        ((None, None), {}, ("acme", "eu-west-1")),
        (("mine", "us-east-1"), {}, ("mine", "us-east-1")),
        ((None, None), {"AWS_PROFILE": "mine", "AWS_REGION": "us-east-1"}, (None, "us-east-1")),
        ((None, None), {"AWS_ACCESS_KEY_ID": "x", "AWS_DEFAULT_REGION": "us-east-1"}, (None, "us-east-1")),
        ((None, None), {"AWS_WEB_IDENTITY_TOKEN_FILE": "x"}, (None, "eu-west-1")),
        (("mine", None), {"AWS_PROFILE": "acme", "AWS_REGION": ""}, ("mine", "eu-west-1")),
    ],
)
def test_options_come_before_the_environment_and_the_environment_before_the_file(
    options: tuple[str | None, str | None],
    environment: dict[str, str],
    settings: tuple[str | None, str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert FILE.settings(profile=options[0], region=options[1]) == settings


def test_a_place_is_that_of_the_named_or_of_the_only_file_and_a_broken_file_says_nothing(tmp_path: Path) -> None:
    # Given a sample, which is nobody's, and a file with a mistake in another key
    (tmp_path / "example.toml").write_text('region = "us-east-1"\n')
    (tmp_path / "acme.toml").write_text(f'environment = 3\naccount = "{ACCOUNT}"\nregion = "Ireland"\n')
    # When / Then
    assert read_place(tmp_path, None) == read_place(tmp_path, "acme") == Place(account=ACCOUNT, file="acme.toml")
    # And
    (tmp_path / "broken.toml").write_text("region = [")
    assert read_place(tmp_path, "broken") == read_place(tmp_path, "none") == read_place(tmp_path, None) == Place()


@pytest.mark.parametrize(
    ("keys", "settings", "message"),
    [
        ({"account": OTHER}, {"profile": "acme"}, f"acme.toml says account {OTHER}, and these are credentials of"),
        ({"region": "eu-west-1"}, {"region": "us-east-1"}, "says region eu-west-1, and --region says us-east-1"),
        ({"region": "eu-west-1"}, {"AWS_REGION": "us-east-1"}, "eu-west-1, and AWS_REGION says us-east-1"),
        ({"profile": "acme"}, {"profile": "mine"}, "says profile acme, and --profile says mine"),
        ({"profile": "acme"}, {"AWS_PROFILE": "mine"}, "says profile acme, and AWS_PROFILE says mine"),
        ({"certificate_arn": CERTIFICATE}, {"profile": "acme"}, "another region than us-west-1, to which"),
    ],
)
def test_what_leads_elsewhere_than_the_file_says_is_refused(
    keys: dict[str, str], settings: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch, sts: Any
) -> None:
    for name, value in settings.items():
        if name.isupper():
            monkeypatch.setenv(name, value)
    with pytest.raises(BridgeError, match=message) as refused:
        open_account(organization(**keys), profile=settings.get("profile"), region=settings.get("region"))
    assert "\n" not in str(refused.value)
    assert {operation for operation, _ in sts} <= {"GetCallerIdentity"}


def test_the_file_alone_leads_to_the_account(sts: Any) -> None:
    # When
    account = open_account(organization(profile="acme", region="eu-west-1", account=ACCOUNT), profile=None, region=None)
    # Then
    assert (account.id, account.region, account.profile) == (ACCOUNT, "eu-west-1", "acme")
    assert sts == [("GetCallerIdentity", "eu-west-1")]


@pytest.mark.usefixtures("sts")
def test_any_profile_of_the_files_account_will_do() -> None:
    account = open_account(organization(profile="acme", account=ACCOUNT), profile="mine", region=None)
    assert (account.profile, account.region) == ("mine", "us-west-1")


@pytest.mark.usefixtures("sts")
def test_of_a_fleet_each_file_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    one = organization(profile="acme", region="eu-west-1")
    account = open_account(one, profile=None, region=None, is_one_of_many=True)
    assert (account.profile, account.region) == ("acme", "eu-west-1")


def test_a_profile_that_this_machine_does_not_have_is_left_out_if_the_account_can_be_checked(
    monkeypatch: pytest.MonkeyPatch, sts: Any
) -> None:
    # Given a machine of CI, whose credentials are in the environment
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    for is_one_of_many in (False, True):
        one = organization(account=ACCOUNT, region="eu-west-1", profile="of-a-colleague")
        # When
        account = open_account(one, profile=None, region=None, is_one_of_many=is_one_of_many)
        # Then
        assert (account.id, account.profile) == (ACCOUNT, None)
    assert len(sts) == 2
    # And without an account to compare with, nobody knows where it would go
    with pytest.raises(BridgeError, match="of-a-colleague"):
        open_account(replace(one, account=None), profile=None, region=None, is_one_of_many=True)


def test_a_stack_that_is_not_where_the_environment_leads_names_the_files_region(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme.toml").write_text('region = "eu-west-1"\nprofile = "acme"\n')
    monkeypatch.setenv("AWS_REGION", "us-east-1")

    def call(_client: BaseClient, operation: str, _parameters: Any) -> Any:
        if operation == "DescribeStacks":
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, operation)
        return {"StackSummaries": []}

    with (
        mock.patch.object(BaseClient, "_make_api_call", call),
        pytest.raises(BridgeError, match=r"acme\.toml says region eu-west-1, and AWS_REGION says us-east-1$"),
    ):
        stack.find("acme", local=False, profile=None, region=None, stand_file=Path(), organizations=tmp_path)


def test_a_command_looks_where_the_file_says_and_refuses_another_account(tmp_path: Path, sts: Any) -> None:
    # Given
    where: dict[str, Any] = {"local": False, "profile": None, "region": None, "stand_file": Path()}
    file = tmp_path / "acme.toml"
    file.write_text(f'account = "{ACCOUNT}"\nregion = "eu-west-1"\nprofile = "acme"\n')
    # When
    stack.find("acme", **where, organizations=tmp_path)
    # Then
    assert sts == [("GetCallerIdentity", "eu-west-1"), ("DescribeStacks", "eu-west-1")]
    # And
    file.write_text(f'account = "{OTHER}"\nregion = "eu-west-1"\nprofile = "acme"\n')
    with pytest.raises(BridgeError, match=f"acme.toml says account {OTHER}"):
        stack.find("acme", **where, organizations=tmp_path)
    assert sts[2:] == [("GetCallerIdentity", "eu-west-1")]
