"""The stack of one customer organization."""

from pathlib import Path
from urllib.parse import quote

import aws_cdk as cdk
from constructs import Construct

from stacks.common.encryption import Encryption
from stacks.common.storage import Storage
from stacks.config.organization import Organization
from stacks.functions.function import FunctionDefaults
from stacks.functions.packaging import Artifact
from stacks.inbound.api import Api
from stacks.inbound.inbound import Inbound
from stacks.monitoring import Monitoring
from stacks.operators.operator_policy import OperatorPolicy
from stacks.operators.outbound_operator_policy import OutboundOperatorPolicy
from stacks.operators.redrive import Redrive
from stacks.outbound.cad_policy import CadPolicy
from stacks.outbound.change_events import ChangeEvents
from stacks.outbound.commands import Commands
from stacks.reading.reading_api import ReadingApi

VERSION = Path(__file__).parents[1].joinpath("VERSION").read_text(encoding="utf-8").strip()


class BridgeStack(cdk.Stack):
    """Everything between VectorCare and the organization's tables and dispatch system; it only wires.

    When the stack is removed, these stay: the tables, the key that they are under, the spool, the log groups, and the
    role by which the account's APIs write their logs. Queues, bus, secret, functions, API, alarms and dashboards go.
    """

    def __init__(self, scope: Construct, *, organization: Organization, artifact: Artifact) -> None:
        super().__init__(
            scope,
            organization.stack_name,
            description=f"VectorCare Bridge of {organization.name}",
            # A tag of the stack alone: CloudFormation hands it to the resources, and the template has none of it.
            tags={"Version": VERSION},
        )
        encryption = Encryption(self, "Encryption")
        storage = Storage(self, "Storage", key=encryption.key)
        defaults = FunctionDefaults(organization=organization.name, artifact=artifact, key=encryption.key)
        inbound = Inbound(
            self, "Inbound", organization=organization, encryption=encryption, storage=storage, defaults=defaults
        )
        change_events = ChangeEvents(
            self, "ChangeEvents", organization=organization, encryption=encryption, storage=storage, defaults=defaults
        )
        commands = Commands(
            self,
            "Commands",
            organization=organization,
            encryption=encryption,
            storage=storage,
            change_events=change_events,
            defaults=defaults,
        )
        redrive = Redrive(
            self,
            "Redrive",
            encryption=encryption,
            inbound=inbound,
            change_events=change_events,
            commands=commands,
            storage=storage,
            defaults=defaults,
        )
        api = Api(self, "Api", organization=organization, key=encryption.key, ingest=inbound.ingest.function)
        reading = ReadingApi(
            self, "ReadingApi", encryption=encryption, storage=storage, defaults=defaults, logging=api.account
        )
        monitoring = Monitoring(
            self,
            "Monitoring",
            organization=organization,
            key=encryption.key,
            inbound=inbound,
            storage=storage,
            change_events=change_events,
            commands=commands,
            reading_api=reading,
            redrive=redrive,
            rest_api=api.rest_api,
        )
        operator = OperatorPolicy(
            self, "Operator", encryption=encryption, storage=storage, inbound=inbound, redrive=redrive
        )
        outbound_operator = OutboundOperatorPolicy(
            self,
            "OutboundOperator",
            encryption=encryption,
            storage=storage,
            change_events=change_events,
            commands=commands,
            reading=reading,
        )
        cad = CadPolicy(self, "Cad", encryption=encryption, commands=commands, reading=reading)
        self._put_out(
            WebhookUrl=f"{api.base_url}/webhook?customer_id={quote(organization.customer_id, safe='')}",
            HealthUrl=f"{api.base_url}/health",
            ServiceRequestsTable=storage.service_requests.table_name,
            EventsTable=storage.events.table_name,
            QueueUrl=inbound.queues.queue.queue_url,
            DeadLetterQueueUrl=inbound.queues.dead_letters.queue_url,
            SpoolBucket=inbound.spool.bucket.bucket_name,
            IngestFunction=inbound.ingest.function.function_name,
            ProcessorFunction=inbound.processor.function.function_name,
            DrainFunction=inbound.drain.function.function_name,
            RedriveFunction=redrive.function.function_name,
            ReadingApiUrl=reading.base_url,
            ReaderFunction=reading.reader.function.function_name,
            AlarmTopicArn=monitoring.topic.topic_arn,
            BusinessDashboard=monitoring.business_dashboard.dashboard_name,
            EngineerDashboard=monitoring.engineer_dashboard.dashboard_name,
            OperatorPolicyArn=operator.policy.managed_policy_arn,
            RestorePolicyArn=operator.restore_policy.managed_policy_arn,
            OutboundOperatorPolicyArn=outbound_operator.policy.managed_policy_arn,
            EventBus=change_events.bus.event_bus_name,
            UnpublishedQueueUrl=change_events.unpublished.queue_url,
            PublisherFunction=change_events.publisher.function.function_name,
            OutboundQueueUrl=commands.queues.queue.queue_url,
            OutboundDeadLetterQueueUrl=commands.queues.dead_letters.queue_url,
            CommandsTable=storage.commands.table_name,
            CredentialsSecret=commands.secret_arn,
            SenderFunction=commands.sender.function.function_name,
            CadPolicyArn=cad.policy.managed_policy_arn,
            Version=VERSION,
        )
        if api.domain:
            self._put_out(DomainTarget=api.domain.attr_regional_domain_name)

    def _put_out(self, **outputs: str) -> None:
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)
