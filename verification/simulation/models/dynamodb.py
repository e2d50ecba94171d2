"""DynamoDB: single items, conditional writes, time to live."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from verification.simulation.models import expressions, values
from verification.simulation.models.errors import refusal
from verification.simulation.models.values import Item

Key = tuple[str, ...]
Written = Callable[[Key, Item | None, Item], None]

_KEY_BYTES = (2048, 1024)
_INDEX_KEY_BYTES = 1024
# Real pages end at a megabyte; short ones let readers show that they read on.
_PAGE_ITEMS = 10
_MOST_KEYS = 100


@dataclass(slots=True)
class Table:
    """A table whose keys are strings, as are `index_keys`, those of an index, if present; no string may be empty.

    `written` takes each write that took effect: key, item before, item after.
    """

    keys: Sequence[str]
    index_keys: Sequence[str] = ()
    written: Written = lambda _key, _old, _new: None
    items: dict[Key, Item] = field(default_factory=dict)

    def key_of(self, attributes: Item) -> Key:
        return tuple(attributes[name]["S"] for name in self.keys)


class DynamoDB:
    """The operations, by boto3's names for them and their parameters."""

    def __init__(self, tables: dict[str, Table]) -> None:
        self.tables = tables

    def put_item(self, *, TableName: str, Item: Item, **how: Any) -> dict[str, Any]:
        table, request = self._table(TableName, "PutItem"), _Request("PutItem", **how)
        _check_key(table, Item, "PutItem")
        _check_item(table, Item, "PutItem")
        return request.write(table, table.key_of(Item), lambda _old: Item)

    def update_item(self, *, TableName: str, Key: Item, **how: Any) -> dict[str, Any]:
        table, request = self._table(TableName, "UpdateItem"), _Request("UpdateItem", **how)
        if Key.keys() != set(table.keys):
            raise _invalid("UpdateItem", "The provided key element does not match the schema")
        _check_key(table, Key, "UpdateItem")
        return request.write(table, table.key_of(Key), lambda old: request.updated(table, old or Key, Key))

    def get_item(
        self, *, TableName: str, Key: Item, ProjectionExpression: str | None = None, ConsistentRead: bool = False
    ) -> dict[str, Any]:
        """Read an item, or one attribute of it; only as the writes have left it."""
        if not ConsistentRead:
            raise NotImplementedError("the model has no stale copies")
        table = self._table(TableName, "GetItem")
        _check_key(table, Key, "GetItem")
        item = table.items.get(table.key_of(Key))
        if item and ProjectionExpression:
            item = _projected(item, ProjectionExpression)
        return {} if item is None else {"Item": item}

    def query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Item,
        ConsistentRead: bool = False,
        ExclusiveStartKey: Item | None = None,
        ProjectionExpression: str | None = None,
    ) -> dict[str, Any]:
        """Read the items of one partition, a page at a time, by sort key."""
        table = self._table(TableName, "Query")
        partition, _, placeholder = KeyConditionExpression.partition(" = ")
        if (
            not (ConsistentRead or ProjectionExpression)
            or partition != table.keys[0]
            or placeholder not in ExpressionAttributeValues
        ):
            raise NotImplementedError("the model knows consistent reads of a partition alone")
        wanted = ExpressionAttributeValues[placeholder]["S"]
        after = table.key_of(ExclusiveStartKey) if ExclusiveStartKey else ()
        keys = sorted(key for key in table.items if key[0] == wanted and key > after)
        found = [_projected(table.items[key], ProjectionExpression) for key in keys[:_PAGE_ITEMS]]
        answer: dict[str, Any] = {"Items": found}
        if len(keys) > _PAGE_ITEMS:
            last = keys[_PAGE_ITEMS - 1]
            answer["LastEvaluatedKey"] = {name: {"S": part} for name, part in zip(table.keys, last, strict=True)}
        return answer

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        """Read items of one table by their keys, a page at a time: the rest is unprocessed."""
        ((name, request),) = RequestItems.items()
        table = self._table(name, "BatchGetItem")
        keys = [table.key_of(key) for key in request["Keys"]]
        if not 0 < len(keys) <= _MOST_KEYS or len(set(keys)) < len(keys):
            raise _invalid(
                "BatchGetItem", "Too many items requested, or provided list of item keys contains duplicates"
            )
        items = [table.items[key] for key in keys[:_PAGE_ITEMS] if key in table.items]
        found = [_projected(item, request.get("ProjectionExpression")) for item in items]
        rest = request["Keys"][_PAGE_ITEMS:]
        return {"Responses": {name: found}, "UnprocessedKeys": {name: {**request, "Keys": rest}} if rest else {}}

    def expire(self, table_name: str, key: Key, *, now: float) -> Item | None:
        """Delete an item whose `expires_at` is before `now`, in seconds since 1970; answer it, or None if it is not."""
        table = self.tables[table_name]
        item = table.items.get(key)
        if item is None or "N" not in item.get("expires_at", {}) or float(item["expires_at"]["N"]) > now:
            return None
        return table.items.pop(key)

    def _table(self, name: str, operation: str) -> Table:
        if name not in self.tables:
            raise refusal("ResourceNotFoundException", operation, "Requested resource not found")
        return self.tables[name]


@dataclass(slots=True)
class _Request:
    """What a write asks for beside the item, by boto3's names."""

    operation: str
    UpdateExpression: str | None = None
    ConditionExpression: str | None = None
    ExpressionAttributeNames: dict[str, str] = field(default_factory=dict)
    ExpressionAttributeValues: Item = field(default_factory=dict)
    ReturnValues: str = "NONE"
    ReturnValuesOnConditionCheckFailure: str = "NONE"

    def write(self, table: Table, key: Key, changed: Callable[[Item | None], Item]) -> dict[str, Any]:
        """Write what becomes of an item if the condition holds."""
        old = table.items.get(key)
        try:
            self._check_placeholders()
            self._check_condition(old)
            new = changed(old)
        except expressions.InvalidExpressionError as error:
            raise _invalid(self.operation, f"Invalid expression: {error}") from None
        table.items[key] = new
        table.written(key, old, new)
        returned = {"ALL_OLD": old, "ALL_NEW": new}.get(self.ReturnValues)
        return {"Attributes": returned} if returned else {}

    def updated(self, table: Table, old: Item, key: Item) -> Item:
        apply, _used = expressions.update(self.UpdateExpression or "")
        new = apply(old, self.ExpressionAttributeNames, self.ExpressionAttributeValues)
        if any(new.get(name) != value for name, value in key.items()):
            raise _invalid(self.operation, "Cannot update attribute. This attribute is part of the key")
        _check_item(table, new, self.operation)
        return new

    def _check_placeholders(self) -> None:
        used: frozenset[str] = frozenset()
        if self.ConditionExpression is not None:
            used |= expressions.condition(self.ConditionExpression)[1]
        if self.UpdateExpression is not None:
            used |= expressions.update(self.UpdateExpression)[1]
        if used != self.ExpressionAttributeNames.keys() | self.ExpressionAttributeValues.keys():
            raise _invalid(self.operation, "Expression attributes are unused, or used and not defined")

    def _check_condition(self, old: Item | None) -> None:
        if self.ConditionExpression is None:
            return
        holds, _used = expressions.condition(self.ConditionExpression)
        if holds(old or {}, self.ExpressionAttributeNames, self.ExpressionAttributeValues):
            return
        more: dict[str, Any] = {"Item": old} if old and self.ReturnValuesOnConditionCheckFailure == "ALL_OLD" else {}
        raise refusal("ConditionalCheckFailedException", self.operation, "The conditional request failed", **more)


def _projected(item: Item, names: str | None) -> Item:
    return item if names is None else {name: item[name] for name in names.split(", ") if name in item}


def _check_key(table: Table, attributes: Item, operation: str) -> None:
    for name, limit in zip(table.keys, _KEY_BYTES, strict=False):
        value = attributes.get(name)
        if value is None:
            raise _invalid(operation, f"Missing the key {name} in the item")
        if "S" not in value:
            raise _invalid(operation, f"Type mismatch for key {name}")
        if not value["S"]:
            raise _invalid(operation, f"The AttributeValue for a key attribute cannot contain an empty string: {name}")
        if len(value["S"].encode()) > limit:
            raise _invalid(operation, f"Size of key {name} has exceeded the maximum size limit: {value['S']}")


def _check_item(table: Table, item: Item, operation: str) -> None:
    for name in table.index_keys:
        value = item.get(name)
        if value is not None and not 0 < len(value.get("S", "").encode()) <= _INDEX_KEY_BYTES:
            raise _invalid(operation, f"Type mismatch or size for index key {name}: {value}")
    try:
        size = values.item_size(item)
    except values.InvalidValueError as error:
        raise _invalid(operation, str(error)) from None
    if size > values.MAX_ITEM_BYTES:
        raise _invalid(operation, "Item size has exceeded the maximum allowed size")


def _invalid(operation: str, message: str) -> Exception:
    return refusal("ValidationException", operation, message)
