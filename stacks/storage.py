"""The two tables: the journal of events and the state of service requests."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.acknowledgments import acknowledge

TTL_ATTRIBUTE = "expires_at"
STATUS_INDEX = "by_status"


class Storage(Construct):
    """What outlives the stack: tables that neither it nor a slip of the hand deletes."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        self.events = self._build_table("Events", sort_key=_string("event_id"))
        self.service_requests = self._build_table("ServiceRequests", sort_key=None)
        self.service_requests.add_global_secondary_index(
            index_name=STATUS_INDEX,
            partition_key=_string("request_status"),
            sort_key=_string("last_updated"),
            projection_type=dynamodb.ProjectionType.ALL,
        )

    def _build_table(self, construct_id: str, *, sort_key: dynamodb.Attribute | None) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            construct_id,
            partition_key=_string("service_request_id"),
            sort_key=sort_key,
            time_to_live_attribute=TTL_ATTRIBUTE,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self._key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        acknowledge(
            table,
            {
                "HIPAA.Security-DynamoDBInBackupPlan": "Point-in-time recovery restores any second of the last 35 "
                "days, which a daily backup plan cannot; deletion protection and RETAIN keep the table itself."
            },
        )
        return table


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
