"""The S3 bucket for webhooks that the queue did not take."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import envelope
from vectorcare_bridge.webhooks.message import SOURCE, Webhook

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "webhooks/"


class Spool:
    """Webhooks as S3 objects: the bytes as body, the rest as metadata, oldest first by key."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def store(self, webhook: Webhook) -> str:
        """Store a webhook until the queue has it; return its key."""
        key = f"{PREFIX}{webhook.received_at}-{envelope.digest(webhook.body)}"
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=webhook.body,
            Metadata={"source": SOURCE, "signature": webhook.signature, "received-at": webhook.received_at},
        )
        return key

    def pages(self, *, size: int) -> Iterator[list[str]]:
        """List the keys, oldest first, in pages of `size`."""
        paginator = self._client.get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=self._bucket, Prefix=PREFIX, PaginationConfig={"PageSize": size}):
            if page.get("Contents"):
                yield [stored["Key"] for stored in page["Contents"]]

    def count(self) -> int:
        """Count the objects, up to the 1,000 that one call lists."""
        return self._client.list_objects_v2(Bucket=self._bucket, Prefix=PREFIX)["KeyCount"]

    def load(self, key: str) -> Webhook | None:
        """Read a spooled webhook; None if another drain has just delivered it."""
        try:
            stored = self._client.get_object(Bucket=self._bucket, Key=key)
        except self._client.exceptions.NoSuchKey:
            return None
        metadata = stored["Metadata"]
        return Webhook(
            body=stored["Body"].read(),
            signature=metadata["signature"],
            received_at=UtcTimestamp(metadata["received-at"]),
        )

    def delete(self, key: str) -> None:
        """Delete a webhook that the queue has."""
        self._client.delete_object(Bucket=self._bucket, Key=key)
