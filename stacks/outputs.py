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
    """Add the outputs; their names are an interface, so none is ever renamed. First come those that a person needs."""
    for name, (value, description) in {
        **_urls(context, parts),
        **_of_people(parts, monitoring, policies),
        **_of_resources(context, parts),
        **{
            f"{name.title()}Function": (each.callable_name, f"The function {name}, as everything calls it")
            for name, each in parts.functions.items()
        },
        "Version": (VERSION, "The version of VectorCare Bridge that was deployed"),
    }.items():
        cdk.CfnOutput(stack, name, value=value, description=description)


_Outputs = dict[str, tuple[str, str]]
"""Value and description by name."""


def _urls(context: StackContext, parts: Parts) -> _Outputs:
    api, organization = parts.webhook_api, context.organization
    customer_id = quote(organization.customer_id, safe="")
    outputs = {
        "WebhookUrl": (
            f"{api.base_url}/webhook?customer_id={customer_id}",
            "Paste all of it into VectorCare: Settings > Open API > Webhooks, version v2.0",
        ),
        "HealthUrl": (f"{api.base_url}/health", "Answers 200 if the URL works"),
    }
    if api.domain:
        outputs |= {
            "DomainTarget": (
                api.domain.attr_regional_domain_name,
                "Where the domain's CNAME has to point to; until then, WebhookUrl does not work",
            ),
        }
    if api.domain and organization.has_default_url:
        outputs |= {
            "DefaultWebhookUrl": (
                f"{api.default_url}/webhook?customer_id={customer_id}",
                "API Gateway's own URL, which works beside WebhookUrl until the file says keep_default_url = false",
            ),
        }
    if organization.twin:
        outputs |= {
            "TwinRegion": (
                organization.twin.region,
                "The region of the other stack, whose URL is the second webhook's",
            ),
        }
    return outputs


def _of_people(parts: Parts, monitoring: Monitoring, policies: Policies) -> _Outputs:
    return {
        "BusinessDashboard": (
            monitoring.business_dashboard.dashboard_name,
            "CloudWatch > Dashboards: is all well, for the business",
        ),
        "EngineerDashboard": (
            monitoring.engineer_dashboard.dashboard_name,
            "CloudWatch > Dashboards: each part, for the engineer on call",
        ),
        "AlarmTopicArn": (monitoring.topic.topic_arn, "The topic that all alarms notify"),
        "OperatorPolicyArn": (
            policies.operator.managed_policy_arn,
            "Attach it to the role of those on call: what ./bridge needs",
        ),
        "ConsolePolicyArn": (
            policies.console.managed_policy_arn,
            "Attach it to the role of those on call who have only the AWS console: redrive from SQS and Lambda",
        ),
        "OutboundOperatorPolicyArn": (
            policies.outbound_operator.managed_policy_arn,
            "Attach it to those who may command VectorCare in the company's name",
        ),
        "RestorePolicyArn": (
            policies.restore.managed_policy_arn,
            "Attach it to those who restore tables, beside OperatorPolicyArn",
        ),
        "RollbackPolicyArn": (
            policies.rollback.managed_policy_arn,
            "Attach it to those who roll a deployment back, beside OperatorPolicyArn",
        ),
        "VerifyPolicyArn": (
            policies.verify.managed_policy_arn,
            "Attach it to whoever runs ./bridge verify: it reads no data and changes nothing",
        ),
        **_of_reconciliation(policies),
        "CadPolicyArn": (
            policies.cad.managed_policy_arn,
            "Attach it to the dispatch system's role: it sends commands and reads service requests",
        ),
        "CredentialsSecret": (parts.commands.secret_arn, "The secret for VectorCare's client_id and client_secret"),
        "ReadingApiUrl": (parts.reading_api.base_url, "Where the dispatch system reads service requests"),
    }


def _of_reconciliation(policies: Policies) -> _Outputs:
    if policies.reconcile is None:
        return {}
    return {
        "ReconcilePolicyArn": (
            policies.reconcile.managed_policy_arn,
            "Attach both regions' to those who run ./bridge reconcile, beside OperatorPolicyArn",
        ),
    }


def _of_resources(context: StackContext, parts: Parts) -> _Outputs:
    storage, inbound, change_events, commands = context.storage, parts.inbound, parts.change_events, parts.commands
    return {
        "EventBus": (change_events.bus.event_bus_name, "The bus on which subscribers find what changed"),
        "OutboundQueueUrl": (commands.queues.queue.queue_url, "Where the dispatch system puts commands"),
        "ServiceRequestsTable": (storage.service_requests.table_name, "The state: one item per service request"),
        "EventsTable": (storage.events.table_name, "The journal: every signed webhook, byte for byte"),
        "CommandsTable": (storage.commands.table_name, "How each command ended"),
        "QueueUrl": (inbound.queues.queue.queue_url, "Webhooks on their way to the tables"),
        "DeadLetterQueueUrl": (inbound.queues.dead_letters.queue_url, "Webhooks that could not be applied"),
        "OutboundDeadLetterQueueUrl": (commands.queues.dead_letters.queue_url, "Commands that could not be read"),
        "UnpublishedQueueUrl": (change_events.unpublished.queue_url, "Events that the bus did not take"),
        "SpoolBucket": (
            inbound.spool.bucket.bucket_name,
            "Webhooks that the queue refused, until the drain moves them",
        ),
    }
