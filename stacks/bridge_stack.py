"""The stack of one customer organization."""

import aws_cdk as cdk
from constructs import Construct

from stacks.common import tags
from stacks.common.encryption import Encryption
from stacks.common.storage import Storage
from stacks.config.organization import Organization
from stacks.context import StackContext
from stacks.functions.function import BridgeFunction
from stacks.functions.packaging import Artifact
from stacks.functions.rollout import roll_out
from stacks.inbound.api import WebhookApi
from stacks.inbound.inbound import Inbound
from stacks.monitoring.monitoring import Monitoring
from stacks.operators.policies import Policies
from stacks.operators.redrive import build_redrive
from stacks.outbound.change_events import ChangeEvents
from stacks.outbound.commands import Commands
from stacks.outputs import VERSION, add_outputs
from stacks.parts import Parts
from stacks.reading.reading_api import ReadingApi
from stacks.reconcile.reconcile import Reconcile


class BridgeStack(cdk.Stack):
    """Everything between VectorCare and the organization's tables and dispatch system; it only wires.

    When the stack is removed, these stay: the tables, the key that encrypts them, the spool, the log groups, and the
    role by which the account's APIs write their logs. Queues, bus, secret, functions, API, alarms and dashboards go.
    """

    def __init__(self, scope: Construct, *, organization: Organization, artifact: Artifact) -> None:
        super().__init__(
            scope,
            organization.stack_id,
            # In both regions the same, and with it the names of all resources.
            stack_name=organization.stack_name,
            description=f"VectorCare Bridge of {organization.name}",
            termination_protection=organization.environment == "production",
            # Tags of the stack: CloudFormation copies them to all resources that can have tags, replacing none, and the
            # template does not hold them.
            tags={
                tags.PRODUCT_TAG: tags.PRODUCT,
                tags.ORGANIZATION_TAG: organization.name,
                "Environment": organization.environment,
                "Version": VERSION,
                **({"CostCentre": organization.cost_centre} if organization.cost_centre else {}),
            },
        )
        if organization.is_sample:
            _refuse_deployment(self)
        encryption = Encryption(self, "Encryption")
        storage = Storage(self, "Storage", key=encryption.key)
        context = StackContext(organization=organization, artifact=artifact, encryption=encryption, storage=storage)
        inbound = Inbound(self, "Inbound", context)
        change_events = ChangeEvents(self, "ChangeEvents", context)
        commands = Commands(self, "Commands", context, bus=change_events.bus)
        redrive = build_redrive(
            self, "Redrive", context, inbound=inbound, change_events=change_events, commands=commands
        )
        webhook_api = WebhookApi(self, "Api", context, ingest=inbound.ingest)
        reading_api = ReadingApi(self, "ReadingApi", context, account=webhook_api.account)
        storage.create_after(*webhook_api.may_be_refused, *reading_api.may_be_refused)
        parts = Parts(
            inbound=inbound,
            change_events=change_events,
            commands=commands,
            redrive=redrive,
            webhook_api=webhook_api,
            reading_api=reading_api,
            reconcile=self._build_reconcile(context, inbound),
        )
        roll_out(self, context, parts.functions, version=VERSION)
        monitoring = Monitoring(self, "Monitoring", context, parts)
        add_outputs(
            self, context, parts, monitoring=monitoring, policies=Policies(self, context, parts, topic=monitoring.topic)
        )

    def _build_reconcile(self, context: StackContext, inbound: Inbound) -> BridgeFunction | None:
        twin = context.organization.twin
        if twin is None or twin.reconcile is None:
            return None
        return Reconcile(
            self, "Reconcile", context, queue=inbound.queues.queue, region=twin.region, every=twin.reconcile
        ).function


def _refuse_deployment(stack: cdk.Stack) -> None:
    """Let CloudFormation refuse the sample's stack, whatever deploys it, before it makes anything.

    An error of CDK's own would also end `cdk synth` in a fresh clone, which has no other organization.
    """
    cdk.CfnRule(
        stack,
        "Sample",
        assertions=[
            cdk.CfnRuleAssertion(
                assert_=cdk.Fn.condition_equals("the sample", "an organization"),
                assert_description="organizations/example.toml is a sample and is never deployed. Copy it, or run: "
                "./bridge new NAME",
            )
        ],
    )
