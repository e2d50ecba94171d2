"""Where an organization's stack is: what its file says, and what options and the environment say."""

import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from cli.lib.account import Account
from cli.lib.aws_session import has_profile
from cli.lib.errors import BridgeError
from stacks.config.organization import PLACE_PARSERS, SAMPLE_NAME, Organization
from stacks.config.parsers import InvalidError

# What makes the AWS library take other credentials than the default profile's (boto3, "Credentials").
_CREDENTIALS = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
)
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True, kw_only=True)
class Place:
    """The account, region and profile of an organization's file; None is what it does not say."""

    account: str | None = None
    region: str | None = None
    profile: str | None = None
    second_region: str | None = None  # of the organization's twin
    file: str = ""  # its name, for errors

    @property
    def organization(self) -> str:
        return self.file.removesuffix(".toml")

    def of_each_region(self) -> "list[Place]":
        """Give the places of an organization's stacks, one or two; none if its file does not say where they are."""
        if not (self.account or self.region or self.profile):
            return []
        return [self, *([replace(self, region=self.second_region, second_region=None)] if self.second_region else [])]

    def settings(self, *, profile: str | None, region: str | None) -> tuple[str | None, str | None]:
        """Choose profile and region: first the options', then the environment's, then the file's."""
        return (
            profile or (None if names_credentials() else self._usable_profile()),
            region or _value(_first(_REGIONS)) or self.region,
        )

    def settings_of_many(
        self, *, profile: str | None = None, region: str | None = None
    ) -> tuple[str | None, str | None]:
        """Choose for one stack of a fleet: the file comes before the environment, which can name only one account."""
        return profile or self._usable_profile(), region or self.region

    def _usable_profile(self) -> str | None:
        """Leave out a profile that this machine, such as one of CI, does not have, if the account can be checked."""
        return self.profile if self.profile and (not self.account or has_profile(self.profile)) else None

    def require_account(self, account: str) -> None:
        """Refuse credentials of another account than the file's.

        Raises
        ------
        BridgeError
            They are.
        """
        if self.account and account != self.account:
            raise BridgeError(
                f"{self.file} says account {self.account}, and these are credentials of account {account}. Name a "
                "profile of the right account: --profile"
            )

    def contradicted_by(self, *, region: str | None) -> str:
        """Say, as the end of an error, if the option or the environment names another region than the file."""
        source, value = _named("--region", region, _REGIONS)
        if not (self.region and value) or value == self.region:
            return ""
        return f". {self.file} says region {self.region}, and {source} says {value}"


def read_place(folder: Path, organization: str | None) -> Place:
    """Read where an organization's stack is, or, without a name, the only organization's of the folder.

    Nothing is known without a file, or from a file that cannot be read: whoever looks at a stack need not have it.
    """
    if organization is None:
        names = names_of(folder)
        if len(names) != 1:
            return Place()
        (organization,) = names
    path = folder / f"{organization}.toml"
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return Place()
    twin = document.get("twin")
    return Place(
        file=path.name,
        second_region=_valid("region", twin.get("region")) if isinstance(twin, dict) else None,
        **{key: _valid(key, document.get(key)) for key in PLACE_PARSERS},
    )


def names_of(folder: Path) -> list[str]:
    """Name the organizations that have a file, without the sample."""
    return sorted(path.stem for path in folder.glob("*.toml") if path.stem != SAMPLE_NAME and path.name[0] != ".")


def open_account(
    organization: Organization, *, profile: str | None, region: str | None, is_one_of_many: bool = False
) -> Account:
    """Open the account and region that an organization's stack is to be deployed to.

    Parameters
    ----------
    profile, region : str | None
        The options; without them, the environment variables count, and then the file.
    is_one_of_many : bool
        The organization is one of a fleet. Then the file comes before the environment variables, which can name only
        one account and region.

    Raises
    ------
    BridgeError
        Options, environment variables or credentials lead elsewhere than the file says, or AWS refuses.
    """
    place = Place(
        account=organization.account,
        region=organization.region,
        profile=organization.profile,
        file=f"{organization.name}.toml",
    )
    if is_one_of_many:
        profile, region = place.settings_of_many(profile=profile, region=region)
    _refuse_mismatch("region", place, _named("--region", region, _REGIONS))
    if not place.account:  # which decides, if it is there: a person may call their profile what they want
        _refuse_mismatch("profile", place, _named("--profile", profile, _CREDENTIALS[:2]))
    account = Account(*place.settings(profile=profile, region=region))
    place.require_account(account.id)
    if organization.certificate_arn and organization.certificate_arn.split(":")[3] != account.region:
        raise BridgeError(
            f"{place.file} has a certificate_arn of another region than {account.region}, to which the stack would go. "
            "Request a certificate there, or name the right region: --region"
        )
    return account


def names_credentials() -> bool:
    """Say whether the environment names AWS credentials: a profile, keys, or a role."""
    return _first(_CREDENTIALS) is not None


def _refuse_mismatch(key: str, place: Place, named: tuple[str, str | None]) -> None:
    expected, (source, value) = getattr(place, key), named
    if expected and value and value != expected:
        raise BridgeError(
            f"{place.file} says {key} {expected}, and {source} says {value}. Leave {source} out, or change the file."
        )


def _named(option: str, value: str | None, variables: tuple[str, ...]) -> tuple[str, str | None]:
    """Say what names a setting, and what it is."""
    variable = _first(variables)
    return (option, value) if value or not variable else (variable, os.environ[variable])


def _first(variables: tuple[str, ...]) -> str | None:
    return next((name for name in variables if os.environ.get(name)), None)


def _value(variable: str | None) -> str | None:
    return os.environ[variable] if variable else None


def _valid(key: str, value: object) -> str | None:
    try:
        return PLACE_PARSERS[key](value)
    except InvalidError:
        return None
