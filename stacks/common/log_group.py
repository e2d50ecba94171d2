"""A log group as this project keeps one."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

# The managed identifiers of what a payload holds of a patient, as CloudWatch Logs knows it in the United States
# (CloudWatch Logs User Guide, "Types of data that you can protect"). No IP addresses: the access log is read for them.
_PATIENT_DATA = (
    logs.DataIdentifier.NAME,
    logs.DataIdentifier.ADDRESS,
    logs.DataIdentifier.ZIPCODE_US,
    logs.DataIdentifier.LATLONG,
    logs.DataIdentifier.EMAILADDRESS,
    logs.DataIdentifier.PHONENUMBER_US,
    logs.DataIdentifier.SSN_US,
    logs.DataIdentifier.DRIVERSLICENSE_US,
    logs.DataIdentifier.HEALTHINSURANCECLAIMNUMBER_US,
    logs.DataIdentifier.MEDICAREBENEFICIARYNUMBER_US,
    logs.DataIdentifier.HEALTHCAREPROCEDURECODE_US,
    logs.DataIdentifier.NATIONALDRUGCODE_US,
    logs.DataIdentifier.NATIONALPROVIDERID_US,
    logs.DataIdentifier.DRUGENFORCEMENTAGENCYNUMBER_US,
)


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
        # The second line: nothing of this should ever be logged, and what is all the same is masked.
        data_protection_policy=logs.DataProtectionPolicy(
            name="patient-data",
            description="Masks what looks like a patient's data",
            identifiers=list(_PATIENT_DATA),
        ),
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


def arns_of(log_group: logs.ILogGroup) -> tuple[str, str]:
    """Name a log group in both forms, as some actions are checked against the one and some against the other."""
    return log_group.log_group_arn, log_group.log_group_arn.removesuffix(":*")
