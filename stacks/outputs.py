"""The stack's outputs: what people paste, and where `./bridge` finds the stack's resources."""

from pathlib import Path
from urllib.parse import quote

import aws_cdk as cdk

from stacks.context import StackContext
from stacks.monitoring.monitoring import Monitoring
from stacks.operators.policies import Policies
from stacks.parts import Parts

VERSION = Path(__file__).parents[1].joinpath("VERSION").read_text(encoding="utf-8").strip()


def add_outputs(
    stack: cdk.Stack, context: StackContext, parts: Parts, *, monitoring: Monitoring, policies: Policies
) -> None:
    """Add the outputs; their names are an interface, so none is ever renamed."""
    api, inbound, commands, change_events = parts.webhook_api, parts.inbound, parts.commands, parts.change_events
    customer_id = quote(context.organization.customer_id, safe="")
    outputs = {
        "WebhookUrl": f"{api.base_url}/webhook?customer_id={customer_id}",
        "HealthUrl": f"{api.base_url}/health",
        "ServiceRequestsTable": context.storage.service_requests.table_name,
        "EventsTable": context.storage.events.table_name,
        "QueueUrl": inbound.queues.queue.queue_url,
        "DeadLetterQueueUrl": inbound.queues.dead_letters.queue_url,
        "SpoolBucket": inbound.spool.bucket.bucket_name,
        "ReadingApiUrl": parts.reading_api.base_url,
        "AlarmTopicArn": monitoring.topic.topic_arn,
        "BusinessDashboard": monitoring.business_dashboard.dashboard_name,
        "EngineerDashboard": monitoring.engineer_dashboard.dashboard_name,
        "OperatorPolicyArn": policies.operator.managed_policy_arn,
        "RestorePolicyArn": policies.restore.managed_policy_arn,
        "OutboundOperatorPolicyArn": policies.outbound_operator.managed_policy_arn,
        "EventBus": change_events.bus.event_bus_name,
        "UnpublishedQueueUrl": change_events.unpublished.queue_url,
        "OutboundQueueUrl": commands.queues.queue.queue_url,
        "OutboundDeadLetterQueueUrl": commands.queues.dead_letters.queue_url,
        "CommandsTable": context.storage.commands.table_name,
        "CredentialsSecret": commands.secret_arn,
        "CadPolicyArn": policies.cad.managed_policy_arn,
        "Version": VERSION,
    }
    outputs |= {f"{name.title()}Function": each.callable_name for name, each in parts.functions.items()}
    if api.domain:
        outputs["DomainTarget"] = api.domain.attr_regional_domain_name
    if context.organization.twin:
        outputs["TwinRegion"] = context.organization.twin.region
    for name, value in outputs.items():
        cdk.CfnOutput(stack, name, value=value)
