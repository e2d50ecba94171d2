"""Who is told when something needs a person."""

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.acknowledgments import acknowledge


class Monitoring(Construct):
    """The alarms, and the topic that tells the organization's people of them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        organization: str,
        emails: tuple[str, ...],
        key: kms.IKey,
        dead_letters: sqs.IQueue,
        rest_api: apigateway.RestApi,
        drain: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = self._build_topic(key)
        self._subscribe(emails)
        self._watch_dead_letters(dead_letters)
        self._watch_answers(rest_api)
        self._watch_drain(drain, organization=organization)

    def _build_topic(self, key: kms.IKey) -> sns.Topic:
        topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        # A policy of the topic's own takes the place of the default one, by which the account's alarms may publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )
        return topic

    def _subscribe(self, emails: tuple[str, ...]) -> None:
        for email in emails:
            subscription = sns.Subscription(
                self, f"Email {email}", topic=self.topic, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=email
            )
            acknowledge(
                subscription,
                {
                    "Serverless-SNSRedrivePolicy": "An alarm that no mail server took is still in alarm in CloudWatch; "
                    "a letter about it in one more queue would reach nobody."
                },
            )

    def _watch_dead_letters(self, dead_letters: sqs.IQueue) -> None:
        self._add_alarm(
            "DeadLetters",
            description="Webhooks wait in the dead-letter queue: they could not be applied, and expire 14 days after "
            "they came in. Look at their reasons, mend the cause, redrive.",
            metric=dead_letters.metric_approximate_number_of_messages_visible(
                period=cdk.Duration.minutes(1), statistic=cloudwatch.Stats.MAXIMUM
            ),
            operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _watch_answers(self, rest_api: apigateway.RestApi) -> None:
        self._add_alarm(
            "ServerErrors",
            description="VectorCare was answered with a 5xx; the third such answer to a webhook is the last, and only "
            "Redeliver in VectorCare's Webhook Call History brings it back.",
            metric=rest_api.metric_server_error(period=cdk.Duration.minutes(1), statistic=cloudwatch.Stats.SUM),
            operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _watch_drain(self, drain: lambda_.IFunction, *, organization: str) -> None:
        self._add_alarm(
            "DrainStopped",
            description="The drain has not run for five minutes; webhooks that the queue refused stay in the spool.",
            metric=drain.metric_invocations(period=cdk.Duration.minutes(5)),
            operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            # A drain that is not even called has no metric at all.
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        self._add_alarm(
            "DrainErrors",
            description="The drain ends in an error or in its time-out; webhooks that the queue refused stay in the "
            "spool.",
            metric=drain.metric_errors(period=cdk.Duration.minutes(5)),
            operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self._add_alarm(
            "DrainFailures",
            description="The drain finds webhooks in the spool and cannot bring them to the queue.",
            metric=cloudwatch.Metric(
                namespace="VectorCareBridge",
                metric_name="DrainFailed",
                dimensions_map={"organization": organization, "service": "drain"},
                period=cdk.Duration.minutes(5),
                statistic=cloudwatch.Stats.SUM,
            ),
            operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _add_alarm(
        self,
        construct_id: str,
        *,
        description: str,
        metric: cloudwatch.IMetric,
        operator: cloudwatch.ComparisonOperator,
        missing: cloudwatch.TreatMissingData,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=description,
            metric=metric,
            threshold=1,
            comparison_operator=operator,
            evaluation_periods=1,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
