"""The AWS account of a deployment: the roles that `cdk bootstrap` made there, and limits that are too small."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError

from cli.lib import aws_error
from cli.lib.aws_session import open_session
from cli.lib.deploying.assembly import Role, StackArtifact
from cli.lib.errors import BridgeError

# Limits that matter for webhooks and updates: the call and what of its answer counts, its unit, what is enough, and a
# warning.
QUOTAS: Mapping[str, tuple[str, str, Callable[[Any], float], str, int, str]] = {
    # A new account may have 10 in place of the usual 1000 ("Lambda quotas", Lambda developer guide).
    "Lambda concurrent executions": (
        *("lambda", "get_account_settings", lambda found: found["AccountLimit"]["ConcurrentExecutions"]),
        *("at once", 100),
        "webhooks above it are refused, and VectorCare tries only three times; before you go live, ask for 1000 under "
        "Service Quotas > AWS Lambda > Concurrent executions",
    ),
    # 75 GB at first; a deployment keeps a version more of each function, some 50 MB in all (same page).
    "Lambda code storage": (
        *("lambda", "get_account_settings", lambda found: _code_left(found) // 2**30, "GB left", 5),
        "each deployment adds a version to each function; ./bridge leftovers NAME --remove deletes old ones, or "
        "ask for more: Service Quotas > AWS Lambda > Function and layer storage",
    ),
    # 1000 is the default of most regions ("Amazon API Gateway quotas", API Gateway developer guide).
    "API Gateway throttle": (
        *("apigateway", "get_account", lambda found: found["throttleSettings"]["rateLimit"]),
        *("requests a second", 1000),
        "all APIs of the account in this region share it; ask for more under Service Quotas > Amazon API Gateway > "
        "Throttle rate",
    ),
}

# The checks are only advice: do not wait minutes for them if AWS does not answer.
_QUICK = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
_PATIENT = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 6})


def _code_left(settings: Any) -> float:
    """Return the bytes of code that the account may still store."""
    left: float = settings["AccountLimit"]["TotalCodeSize"] - settings["AccountUsage"]["TotalCodeSize"]
    return left


class NotCheckedError(Exception):
    """A check was not possible. The text says why."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit of the account in the region; the warning says what to do, if it is too small."""

    name: str
    value: float
    unit: str
    warning: str


def read_quota(client: Callable[[str], Any], name: str) -> Quota:
    """Read one of `QUOTAS`, with the clients that `client` makes; errors are AWS's."""
    service, operation, read, unit, comfortable, warning = QUOTAS[name]
    value = read(getattr(client(service), operation)())
    return Quota(name, value, unit, warning if value < comfortable else "")


class Account:
    """The AWS account of a profile, in a region; None is what the environment variables say.

    What a deployment needs, it does in the roles that CDK uses for it. If such a role cannot be assumed, it goes on as
    who you are, as CDK does.

    Raises
    ------
    BridgeError
        The account or the region is unknown.
    """

    def __init__(self, profile: str | None, region: str | None) -> None:
        self._session = open_session(profile, region)
        self.profile = profile
        self.region = str(self._session.region_name)
        try:
            identity = self._session.client("sts", config=_QUICK).get_caller_identity()
        except aws_error.ERRORS as error:
            raise BridgeError(aws_error.explain(error)) from None
        except ValueError as error:  # botocore's of an endpoint that is not a URL
            raise BridgeError(aws_error.wrong_setting(error)) from None
        self.id = str(identity["Account"])
        self._partition = str(identity.get("Arn", "arn:aws:")).split(":")[1]
        self._in_role = cache(self._assume)

    def quota(self, name: str, artifact: StackArtifact) -> Quota:
        """Read one of `QUOTAS`.

        Raises
        ------
        NotCheckedError
            AWS does not say.
        """
        with checking():
            return read_quota(lambda service: self.looking_up(service, artifact), name)

    def require_bootstrap(self, artifact: StackArtifact) -> None:
        """Check that CDK is bootstrapped in this account and region, in the way that the stack was synthesized for.

        Raises
        ------
        BridgeError
            It is not; the text has the command that does it.
        NotCheckedError
            AWS does not say.
        """
        if not artifact.version_parameter:  # synthesized for a bootstrap that has no version
            return
        with checking():
            client = self._in_role(artifact.deploy_role).client("ssm", config=_QUICK)
            try:
                found = int(client.get_parameter(Name=artifact.version_parameter)["Parameter"]["Value"])
            except ClientError as error:
                if error.response["Error"]["Code"] != "ParameterNotFound":
                    raise
                found = 0
        if found < artifact.needed_version:
            what = f"has version {found} of the {artifact.needed_version} needed" if found else "is not done"
            raise BridgeError(
                f"The bootstrap of CDK {what} in account {self.id}, region {self.region}. Once, run: "
                f"{self.bootstrap_command(artifact)}"
            )

    def bootstrap_command(self, artifact: StackArtifact) -> str:
        """Write the command that bootstraps CDK here for this stack."""
        qualifier = artifact.qualifier
        return " ".join(
            [
                *("./cdk", "bootstrap", f"aws://{self.id}/{self.region}"),
                *(("--qualifier", qualifier, "--toolkit-stack-name", f"CDKToolkit-{qualifier}") if qualifier else ()),
                *(("--profile", self.profile) if self.profile else ()),
            ]
        )

    def deploying(self, artifact: StackArtifact) -> Any:
        """Make a client of CloudFormation in the role in which CDK deploys the stack."""
        return self._in_role(artifact.deploy_role).client("cloudformation", config=_PATIENT)

    def looking_up(self, service: Any, artifact: StackArtifact) -> Any:
        """Make a client in the role with which CDK only reads."""
        return self._in_role(artifact.lookup_role).client(service, config=_QUICK)

    def _assume(self, role: Role | None) -> boto3.Session:
        """Make a session in a role, or this one if the role cannot be assumed.

        It assumes the role again before an hour is over, which is AWS's limit for a role assumed from a role: the
        deployment of many takes longer.
        """
        if role is None:
            return self._session
        sts = self._session.client("sts", config=_QUICK)
        request = {
            "RoleArn": role.arn(partition=self._partition, account=self.id, region=self.region),
            "RoleSessionName": "bridge-deploy",
            **role.options,
        }

        def assume() -> dict[str, str]:
            found = sts.assume_role(**request)["Credentials"]
            return {
                "access_key": found["AccessKeyId"],
                "secret_key": found["SecretAccessKey"],
                "token": found["SessionToken"],
                "expiry_time": found["Expiration"].isoformat(),
            }

        try:
            credentials = RefreshableCredentials.create_from_metadata(assume(), assume, "sts-assume-role")
        except (*aws_error.ERRORS, LookupError, ValueError):
            return self._session
        inner = botocore.session.Session(profile=self.profile)
        inner._credentials = credentials  # type: ignore[attr-defined]  # botocore has no public way for these
        return boto3.Session(botocore_session=inner, region_name=self.region)


@contextmanager
def checking() -> Iterator[None]:
    """Turn errors of AWS, and of answers in an unknown form, into `NotCheckedError`."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise NotCheckedError(f"AWS refused {error.operation_name} ({code})") from None
    except (*aws_error.ERRORS, ValueError) as error:
        raise NotCheckedError(f"AWS did not answer ({type(error).__name__})") from None
    except (LookupError, TypeError):
        raise NotCheckedError("AWS answered in an unknown form") from None
