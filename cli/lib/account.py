"""The AWS account of a deployment, and its limits that may be too small."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from cli.lib import aws_error
from cli.lib.aws_session import open_session, outputs_of
from cli.lib.errors import BridgeError

# Limits that matter for a burst of webhooks: the call that reads one, its unit, what is enough, and a warning.
QUOTAS: Mapping[str, tuple[str, str, tuple[str, str], str, int, str]] = {
    # A new account may have 10 in place of the usual 1000 ("Lambda quotas", Lambda developer guide).
    "Lambda concurrent executions": (
        *("lambda", "get_account_settings", ("AccountLimit", "ConcurrentExecutions"), "at once", 100),
        "webhooks above it are refused, and VectorCare tries only three times; before you go live, ask for 1000 under "
        "Service Quotas > AWS Lambda > Concurrent executions",
    ),
    # 1000 is the default of most regions ("Amazon API Gateway quotas", API Gateway developer guide).
    "API Gateway throttle": (
        *("apigateway", "get_account", ("throttleSettings", "rateLimit"), "requests a second", 1000),
        "all APIs of the account in this region share it; ask for more under Service Quotas > Amazon API Gateway > "
        "Throttle rate",
    ),
}
BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"

# The checks are only advice: do not wait minutes for them if AWS does not answer.
_CONFIGURATION = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


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
    service, operation, (outer, inner), unit, comfortable, warning = QUOTAS[name]
    value = getattr(client(service), operation)()[outer][inner]
    return Quota(name, value, unit, warning if value < comfortable else "")


class Account:
    """The AWS account of a profile, in a region; None is what the environment variables say.

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
            self.id = str(self._client("sts").get_caller_identity()["Account"])
        except aws_error.ERRORS as error:
            raise BridgeError(aws_error.explain(error)) from None
        except ValueError as error:  # botocore's of an endpoint that is not a URL
            raise BridgeError(aws_error.wrong_setting(error)) from None

    def quota(self, name: str) -> Quota:
        """Read one of `QUOTAS`.

        Raises
        ------
        NotCheckedError
            AWS does not say.
        """
        with _checking():
            return read_quota(self._client, name)

    def require_bootstrap(self, cdk: str) -> None:
        """Check that CDK is bootstrapped in this account and region.

        Raises
        ------
        BridgeError
            It is not; the text has the command that does it.
        NotCheckedError
            AWS does not say.
        """
        with _checking():
            try:
                self._client("ssm").get_parameter(Name=BOOTSTRAP_PARAMETER)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ParameterNotFound":
                    raise
                raise BridgeError(
                    f"CDK is not bootstrapped in account {self.id}, region {self.region}. Once, run: "
                    f"{cdk} bootstrap aws://{self.id}/{self.region}"
                ) from None

    def outputs(self, stack: str) -> dict[str, str]:
        """Read a deployed stack's outputs.

        Raises
        ------
        NotCheckedError
            AWS does not say.
        """
        with _checking():
            return outputs_of(self._client("cloudformation").describe_stacks(StackName=stack))

    def _client(self, service: Any) -> Any:
        return self._session.client(service, config=_CONFIGURATION)


@contextmanager
def _checking() -> Iterator[None]:
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
