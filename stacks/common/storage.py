"""The tables: the journal of events, the state of service requests, and the command log."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct, IConstruct

from stacks.common.acknowledgments import acknowledge

TTL_ATTRIBUTE = "expires_at"
STATUS_INDEX = "by_status"


class Storage(Construct):
    """Tables that outlive the stack and are protected from deletion."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        self.events = self._build_table("Events", key=("service_request_id", "event_id"))
        self.service_requests = self._build_table(
            "ServiceRequests",
            key=("service_request_id",),
            # A change event is the difference between the two.
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
        )
        self.service_requests.add_global_secondary_index(
            index_name=STATUS_INDEX,
            partition_key=_string("request_status"),
            sort_key=_string("last_updated"),
            projection_type=dynamodb.ProjectionType.ALL,
        )
        self.commands = self._build_table("Commands", key=("command_id",))

    def create_after(self, *resources: IConstruct) -> None:
        """Create the tables only after resources that AWS may refuse: a failed first deployment then leaves none."""
        for table in (self.events, self.service_requests, self.commands):
            table.node.add_dependency(*resources)

    def _build_table(
        self, construct_id: str, *, key: tuple[str, ...], stream: dynamodb.StreamViewType | None = None
    ) -> dynamodb.Table:
        partition_key, *sort_key = map(_string, key)
        table = dynamodb.Table(
            self,
            construct_id,
            partition_key=partition_key,
            sort_key=sort_key[0] if sort_key else None,
            stream=stream,
            time_to_live_attribute=TTL_ATTRIBUTE,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self._key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
            # After a failed first deployment too: CloudFormation cannot delete a protected table, and would get stuck.
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
