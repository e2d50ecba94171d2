"""The AWS account that is deployed to, and what may be too small in it."""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

# A new account may have 10 in place of the usual 1000 ("Lambda quotas", Lambda developer guide).
COMFORTABLE_CONCURRENCY = 100
# The default of most regions ("Amazon API Gateway quotas", API Gateway developer guide).
COMFORTABLE_REQUESTS_PER_SECOND = 1000
BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"


class AccountError(Exception):
    """The account cannot be deployed to; the text says what to do."""


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
    """The account of the current credentials, in the current region."""

    def __init__(self, session: boto3.Session) -> None:
        self._session = session
        try:
            self.region = session.region_name or ""
            self.id = str(self._client("sts").get_caller_identity()["Account"]) if self.region else ""
        except (BotoCoreError, ClientError) as error:
            raise AccountError(
                f"AWS does not know you ({type(error).__name__}); log in, or name a profile: export AWS_PROFILE=name"
            ) from error
        if not self.region:
            raise AccountError("no AWS region is set; name one: export AWS_REGION=us-east-1")

    def quotas(self) -> list[Quota]:
        """Look up the limits that decide whether a burst of webhooks is taken."""
        concurrency = self._client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
        requests = self._client("apigateway").get_account()["throttleSettings"]["rateLimit"]
        return [
            Quota(
                "Lambda concurrent executions",
                concurrency,
                "at once",
                ""
                if concurrency >= COMFORTABLE_CONCURRENCY
                else "webhooks beyond it are refused, and VectorCare tries only three times; ask for 1000 under "
                "Service Quotas > AWS Lambda > Concurrent executions before you go live",
            ),
            Quota(
                "API Gateway throttle",
                requests,
                "requests a second",
                ""
                if requests >= COMFORTABLE_REQUESTS_PER_SECOND
                else "all APIs of the account in this region share it; ask for more under Service Quotas > Amazon API "
                "Gateway > Throttle rate",
            ),
        ]

    def require_bootstrap(self, cdk: str) -> None:
        """Check that CDK has been prepared in this account and region.

        Raises
        ------
        AccountError
            It has not; the text is the command that does it.
        """
        client = self._client("ssm")
        try:
            client.get_parameter(Name=BOOTSTRAP_PARAMETER)
        except client.exceptions.ParameterNotFound:
            raise AccountError(
                f"CDK is not bootstrapped in account {self.id}, region {self.region}; once, run: "
                f"{cdk} bootstrap aws://{self.id}/{self.region}"
            ) from None

    def outputs(self, stack: str) -> dict[str, str]:
        """Read a deployed stack's outputs."""
        answer = self._client("cloudformation").describe_stacks(StackName=stack)
        return {output["OutputKey"]: output["OutputValue"] for output in answer["Stacks"][0].get("Outputs", [])}

    def _client(self, service: Any) -> Any:
        return self._session.client(service)
