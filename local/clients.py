"""boto3 clients of the emulated AWS; the user's own AWS settings have no effect on them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from cli.lib.aws_session import unconfigured_session

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

REGION = "us-east-1"
ACCOUNT = "000000000000"
ACCESS_KEY_ID = "test"  # ministack takes this pair for the account's root user
SECRET_ACCESS_KEY = "test"  # noqa: S105 - opens nothing but the emulator on loopback

_LONGEST_FUNCTION = 900  # seconds


class Clients:
    """One client of each service that the local environment calls; it trusts the certificate file if there is one."""

    def __init__(self, *, endpoint_url: str, certificate_file: Path | None, region: str = REGION) -> None:
        self.region = region
        self._endpoint_url = endpoint_url
        self._certificate_file = certificate_file
        self._session = boto3.Session(botocore_session=unconfigured_session())
        self.cloudformation: CloudFormationClient = self.make("cloudformation")
        self.dynamodb: DynamoDBClient = self.make("dynamodb")
        self.functions: LambdaClient = self.make("lambda")
        self.s3: S3Client = self.make("s3")
        self.sqs: SQSClient = self.make("sqs")
        self.ssm: SSMClient = self.make("ssm")

    def make(self, service: str) -> Any:
        return self._session.client(
            service,
            endpoint_url=self._endpoint_url,
            region_name=self.region,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            verify=str(self._certificate_file) if self._certificate_file else None,
            config=Config(
                proxies={},
                retries={"total_max_attempts": 1},
                read_timeout=_LONGEST_FUNCTION,
                max_pool_connections=20,
                s3={"addressing_style": "path"},
            ),
        )
