"""A log group with this project's settings."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

# CloudWatch Logs' managed identifiers, for the United States, of the patient data that a payload holds (CloudWatch Logs
# User Guide, "Types of data that you can protect"). No IP addresses: people read the access log for them.
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
    """Build a log group that the organization's key encrypts, and that stays when the stack is deleted.

    The key's policy must admit CloudWatch Logs for this group's name. Give a name only if a service dictates it; by
    default CloudFormation makes one that begins with the stack's name.
    """
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        encryption_key=key,
        retention=logs.RetentionDays.ONE_YEAR,
        # A second line of defense: none of this should ever be logged, and if it is, it is masked.
        data_protection_policy=logs.DataProtectionPolicy(
            name="patient-data", description="Masks what looks like a patient's data", identifiers=list(_PATIENT_DATA)
        ),
        removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    )


def arns_of(log_group: logs.ILogGroup) -> tuple[str, str]:
    """Return both forms of a log group's ARN: some actions are checked against one, some against the other."""
    return log_group.log_group_arn, log_group.log_group_arn.removesuffix(":*")
