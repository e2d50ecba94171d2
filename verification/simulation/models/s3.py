"""S3: the objects of a bucket, listed in the order of their keys."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from verification.simulation.models.errors import refusal

_MAX_KEYS = 1000


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's bytes and its own metadata."""

    body: bytes
    metadata: dict[str, str]


class Bucket:
    """Objects by key; `came` and `gone` take the bytes of each that does so."""

    def __init__(
        self,
        came: Callable[[bytes], None] = lambda _body: None,
        gone: Callable[[bytes], None] = lambda _body: None,
    ) -> None:
        self.objects: dict[str, StoredObject] = {}
        self._came = came
        self._gone = gone

    def put(self, key: str, stored: StoredObject) -> None:
        """Store an object, over another of that key."""
        self._came(stored.body)
        self.delete(key)
        self.objects[key] = stored

    def delete(self, key: str) -> None:
        """Delete an object; no matter if there is none."""
        stored = self.objects.pop(key, None)
        if stored:
            self._gone(stored.body)


class S3:
    """The operations, by boto3's names for them and their parameters; `Body` of an answer is plain bytes."""

    def __init__(self, buckets: dict[str, Bucket]) -> None:
        self.buckets = buckets

    def put_object(
        self, *, Bucket: str, Key: str, Body: bytes, Metadata: dict[str, str] | None = None
    ) -> dict[str, Any]:
        metadata = {name.lower(): value for name, value in (Metadata or {}).items()}
        if not all((name + value).isascii() for name, value in metadata.items()):
            raise ValueError("Non ascii characters found in S3 metadata")
        self._bucket(Bucket, "PutObject").put(Key, StoredObject(bytes(Body), metadata))
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        stored = self._bucket(Bucket, "GetObject").objects.get(Key)
        if stored is None:
            raise refusal("NoSuchKey", "GetObject", "The specified key does not exist.", status=404)
        return {"Body": stored.body, "Metadata": dict(stored.metadata), "ContentLength": len(stored.body)}

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self._bucket(Bucket, "DeleteObject").delete(Key)
        return {}

    def list_objects_v2(
        self, *, Bucket: str, Prefix: str = "", MaxKeys: int = _MAX_KEYS, ContinuationToken: str = ""
    ) -> dict[str, Any]:
        objects = self._bucket(Bucket, "ListObjectsV2").objects
        keys = sorted(key for key in objects if key.startswith(Prefix) and key > ContinuationToken)
        page = keys[: min(MaxKeys, _MAX_KEYS)]
        answer: dict[str, Any] = {"KeyCount": len(page), "IsTruncated": len(page) < len(keys)}
        if page:
            answer["Contents"] = [{"Key": key, "Size": len(objects[key].body)} for key in page]
        if answer["IsTruncated"]:
            answer["NextContinuationToken"] = page[-1]
        return answer

    def _bucket(self, name: str, operation: str) -> Bucket:
        if name not in self.buckets:
            raise refusal("NoSuchBucket", operation, "The specified bucket does not exist", status=404)
        return self.buckets[name]
