"""The topic that alarms publish to, and its subscribers."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.common.acknowledgments import acknowledge


class AlarmTopic(Construct):
    """An encrypted topic for alarms; each e-mail address has to confirm a message from AWS once."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey, emails: tuple[str, ...]) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        self._admit_alarms()
        for email in emails:
            self._subscribe(email)

    def _admit_alarms(self) -> None:
        # The topic's own policy replaces the default one, which lets the account's alarms publish.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )

    def _subscribe(self, email: str) -> None:
        subscription = sns.Subscription(
            self, f"Email {email}", topic=self.topic, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=email
        )
        acknowledge(
            subscription,
            {
                "Serverless-SNSRedrivePolicy": "An alarm whose e-mail was refused is still in ALARM in CloudWatch; "
                "a message about it in one more queue would reach nobody."
            },
        )
