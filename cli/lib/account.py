"""The AWS account that is deployed to, and what may be too small in it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 botocore's own, the base of all that cannot be reached
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

# A new account may have 10 in place of the usual 1000 ("Lambda quotas", Lambda developer guide).
COMFORTABLE_CONCURRENCY = 100
# The default of most regions ("Amazon API Gateway quotas", API Gateway developer guide).
COMFORTABLE_REQUESTS_PER_SECOND = 1000
BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"

# All that is asked here is advice, for which nobody waits minutes where an end point does not answer.
_PATIENCE = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
_LOG_IN = "log in, or name a profile: export AWS_PROFILE=name"
# What botocore raises where AWS, the network or the user's own settings are not as they should be; of a malformed
# setting, such as an end point that is no URL, a plain ValueError.
_FAILURES = (BotoCoreError, ClientError, ValueError)


class AccountError(Exception):
    """The account cannot be deployed to; the text says what to do."""


class NotCheckedError(Exception):
    """Something could not be looked at, and nothing else is wrong; the text says why."""


@dataclass(frozen=True, slots=True)
class Quota:
    """One of the account's limits in the region.

    Attributes
    ----------
    name, unit : str
        As AWS calls it.
    value : float
        What the account has.
    warning : str
        What it means that this is little, and what to do; empty where it is enough.
    """

    name: str
    value: float
    unit: str
    warning: str


class Account:
    """The account of the current credentials, in the current region.

    Raises
    ------
    AccountError
        AWS does not say whose it is, or there is no region.
    """

    def __init__(self) -> None:
        try:
            # boto3 does not read AWS_REGION, which the AWS and CDK command lines do.
            self._session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
            self.region = self._session.region_name or ""
            self.id = str(self._client("sts").get_caller_identity()["Account"]) if self.region else ""
        except _FAILURES as error:
            raise AccountError(_of_identity(error)) from None
        if not self.region:
            raise AccountError("no AWS region is set; name one: export AWS_REGION=us-east-1")

    def quotas(self) -> Iterator[tuple[str, Callable[[], Quota]]]:
        """Name the limits that decide whether a burst of webhooks is taken, each with what looks it up.

        Yields
        ------
        str, callable
            The look raises `NotCheckedError`.
        """
        yield "Lambda concurrent executions", self._concurrency
        yield "API Gateway throttle", self._throttle

    def require_bootstrap(self, cdk: str) -> None:
        """Check that CDK has been prepared in this account and region.

        Raises
        ------
        AccountError
            It has not; the text is the command that does it.
        NotCheckedError
            AWS does not say.
        """
        with _advising():
            try:
                self._client("ssm").get_parameter(Name=BOOTSTRAP_PARAMETER)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ParameterNotFound":
                    raise
                raise AccountError(
                    f"CDK is not bootstrapped in account {self.id}, region {self.region}; once, run: "
                    f"{cdk} bootstrap aws://{self.id}/{self.region}"
                ) from None

    def outputs(self, stack: str) -> dict[str, str]:
        """Read a deployed stack's outputs.

        Raises
        ------
        NotCheckedError
            AWS does not say.
        """
        with _advising():
            answer = self._client("cloudformation").describe_stacks(StackName=stack)
            return {output["OutputKey"]: output["OutputValue"] for output in answer["Stacks"][0].get("Outputs", [])}

    def _concurrency(self) -> Quota:
        with _advising():
            concurrency = self._client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
        return Quota(
            "Lambda concurrent executions",
            concurrency,
            "at once",
            ""
            if concurrency >= COMFORTABLE_CONCURRENCY
            else "webhooks beyond it are refused, and VectorCare tries only three times; ask for 1000 under "
            "Service Quotas > AWS Lambda > Concurrent executions before you go live",
        )

    def _throttle(self) -> Quota:
        with _advising():
            requests = self._client("apigateway").get_account()["throttleSettings"]["rateLimit"]
        return Quota(
            "API Gateway throttle",
            requests,
            "requests a second",
            ""
            if requests >= COMFORTABLE_REQUESTS_PER_SECOND
            else "all APIs of the account in this region share it; ask for more under Service Quotas > Amazon API "
            "Gateway > Throttle rate",
        )

    def _client(self, service: Any) -> Any:
        return self._session.client(service, config=_PATIENCE)


@contextmanager
def _advising() -> Iterator[None]:
    """Turn whatever keeps a look at AWS from being answered into `NotCheckedError`."""
    try:
        yield
    except _FAILURES as error:
        raise NotCheckedError(_why(error)) from None
    except (LookupError, TypeError):
        raise NotCheckedError("AWS answered something else") from None


def _of_identity(error: Exception) -> str:
    match error:
        case ConnectionError() | HTTPClientError():
            return f"{_why(error)}; is the network there, and the region right?"
        case ProfileNotFound():
            return f"{_why(error)}; the profiles that there are: aws configure list-profiles"
        case ClientError() | CredentialRetrievalError() | NoCredentialsError() | PartialCredentialsError():
            return f"AWS does not know you ({_why(error)}); {_LOG_IN}"
        case SSOError() | TokenRetrievalError():
            return f"AWS does not know you ({_why(error)}); {_LOG_IN}"
    return f"{_why(error)}; look at AWS_REGION, and at what else is set for AWS in the environment and ~/.aws/config"


def _why(error: Exception) -> str:
    match error:
        case ClientError():
            code = error.response.get("Error", {}).get("Code", "unknown")
            return f"AWS refused {error.operation_name} ({code})"
        case NoCredentialsError() | PartialCredentialsError():
            return "there are no credentials"
        case SSOError() | TokenRetrievalError():
            return "the login has expired"
        case ConnectionError() | HTTPClientError():
            return f"AWS cannot be reached ({type(error).__name__})"
        case BotoCoreError():
            # The settings' own mistakes; their texts quote what the user's file says, in one line.
            return " ".join(str(error).split())
        case _:
            return f"a setting for AWS is malformed: {' '.join(str(error).split())}"
