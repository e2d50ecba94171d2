"""A log group as this project keeps one."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct


def build_log_group(scope: Construct, construct_id: str, *, key: kms.IKey, name: str | None = None) -> logs.LogGroup:
    """Build a log group under the organization's key, which stays with what it tells when the stack goes.

    Parameters
    ----------
    key : kms.IKey
        A key whose policy admits CloudWatch Logs for this group's name.
    name : str | None
        Only where a service dictates it; by default CloudFormation makes one that begins with the stack's name.

    Returns
    -------
    logs.LogGroup
        The group; its lines expire after a year.
    """
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        encryption_key=key,
        retention=logs.RetentionDays.ONE_YEAR,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
