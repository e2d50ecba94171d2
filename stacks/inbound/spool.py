"""The second durable path: where ingest stores webhooks while the queue refuses them."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from stacks.common.acknowledgments import acknowledge


class Spool(Construct):
    """A bucket that only the drain empties."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            # S3's own key: a failure of the queue's key must not stop the path around the queue.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            lifecycle_rules=[
                # Only what the drain has deleted expires: a current version is a webhook that no queue has yet.
                s3.LifecycleRule(
                    noncurrent_version_expiration=cdk.Duration.days(30),
                    expired_object_delete_marker=True,
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        logging = (
            "Only two functions of this stack may use it, and their logs name every object that they write or read; "
            "a bucket of access logs would be one more to protect and would add nothing."
        )
        acknowledge(
            self.bucket,
            {
                "AwsSolutions-S1": logging,
                "HIPAA.Security-S3BucketLoggingEnabled": logging,
                "HIPAA.Security-S3BucketReplicationEnabled": "It holds a webhook for the minutes in which the queue "
                "refuses it; a replica would keep patients' data where nothing removes it.",
                "HIPAA.Security-S3DefaultEncryptionKMS": "It is encrypted, on purpose under S3's own key: it is the "
                "way around the queue when the customer-managed key cannot be used.",
            },
        )

    def acknowledge_objects(self, scope: IConstruct) -> None:
        """Accept that the role below `scope` names all objects of the bucket: their keys are made at run time."""
        bucket = cast("s3.CfnBucket", self.bucket.node.default_child)
        logical_id = cdk.Stack.of(self).get_logical_id(bucket)
        acknowledge(
            scope,
            {
                f"AwsSolutions-IAM5[Resource::<{logical_id}.Arn>/*]": "The bucket holds spooled webhooks and nothing "
                "else, under keys made at run time; the actions on them are named one by one."
            },
        )
