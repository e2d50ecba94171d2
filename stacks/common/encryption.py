"""The customer-managed key of an organization's tables, queues, secret, logs and alarms."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct


class Encryption(Construct):
    """A key that outlives the stack, because the tables that it encrypts outlive it."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description=f"{cdk.Stack.of(self).stack_name}: tables, queues, secret, logs and alarms",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        self._admit_logs()
        self._admit_alarms()

    def _admit_logs(self) -> None:
        """Let CloudWatch Logs use the key, for this stack's groups and for API Gateway's execution logs.

        Source: CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS KMS".
        """
        stack = cdk.Stack.of(self)
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogGroups",
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": [
                            stack.format_arn(
                                service="logs",
                                resource="log-group",
                                resource_name=prefix,
                                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                            )
                            for prefix in (f"{stack.stack_name}-*", "API-Gateway-Execution-Logs_*")
                        ]
                    }
                },
            )
        )

    def _admit_alarms(self) -> None:
        """Let the account's alarms publish to a topic that the key encrypts: otherwise no alarm would arrive.

        Source: SNS Developer Guide, "Managing Amazon SNS encryption keys and costs".
        """
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )

    def use_for_queues(self, *actions: str) -> iam.PolicyStatement:
        """Let a role use the key through SQS: ``GenerateDataKey`` and ``Decrypt`` to send, ``Decrypt`` to receive.

        Source: SQS Developer Guide, "Key management".
        """
        return self._use_through("sqs", *actions)

    def use_for_tables(self) -> iam.PolicyStatement:
        """Let a role use the key through DynamoDB: the least that this needs, without creating tables.

        Source: DynamoDB Developer Guide, "DynamoDB encryption at rest: usage notes".
        """
        return self._use_through(
            "dynamodb",
            "Encrypt",
            "Decrypt",
            "ReEncryptFrom",
            "ReEncryptTo",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "DescribeKey",
        )

    def use_for_tables_there(self, region: str) -> iam.PolicyStatement:
        """Let a role use the other region's key through DynamoDB, to read what the same stack has there.

        The key's id is not known here, so the key is named by its alias, which it has if `add_alias` was called there
        (KMS Developer Guide, "Use aliases to control access to KMS keys").
        """
        stack = cdk.Stack.of(self)
        statement = self.use_for_tables()
        return iam.PolicyStatement(
            actions=statement.actions,
            resources=[
                stack.format_arn(service="kms", region=region, resource="key", resource_name="*"),
            ],
            conditions={
                "StringEquals": {"kms:ViaService": f"dynamodb.{region}.{stack.url_suffix}"},
                "ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{stack.stack_name}"},
            },
        )

    def add_alias(self) -> None:
        """Name the key after the stack, so that the other region's stack can name it."""
        self.key.add_alias(f"alias/{cdk.Stack.of(self).stack_name}")

    def use_for_secrets(self) -> iam.PolicyStatement:
        """Let a role use the key through Secrets Manager, to read.

        Source: Secrets Manager User Guide, "Secret encryption and decryption".
        """
        return self._use_through("secretsmanager", "Decrypt")

    def _use_through(self, service: str, *actions: str) -> iam.PolicyStatement:
        stack = cdk.Stack.of(self)
        return iam.PolicyStatement(
            actions=[f"kms:{action}" for action in actions],
            resources=[self.key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"{service}.{stack.region}.{stack.url_suffix}"}},
        )
