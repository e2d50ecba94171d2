"""Items as DynamoDB's client takes and gives them, and as plain values."""

from collections.abc import Mapping
from typing import Any, cast

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer

Item = Mapping[str, Any]

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_attributes(item: Item) -> dict[str, Any]:
    """Write an item for DynamoDB; what is None is left out."""
    return {name: _serialize(value) for name, value in item.items() if value is not None}


def to_item(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Read an item of DynamoDB: numbers become Decimal, binary attributes bytes."""
    return {name: _value(value) for name, value in attributes.items()}


def _value(attribute: Any) -> Any:
    value = _deserialize(attribute)
    return bytes(cast("Any", value)) if isinstance(value, Binary) else value
