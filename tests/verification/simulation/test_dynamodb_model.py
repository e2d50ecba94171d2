"""The model of DynamoDB answers as moto and ministack do, to the same random calls.

If an emulator differs, AWS's documentation is the judge, and the model follows it:

- moto cannot compare values of different types with `<`, and takes NULL for absent. "Comparison operator and function
  reference": of different types only `<>` is true. So moto is asked about strings alone.
- ministack takes a clause twice, an attribute twice, and an assignment of nothing. "Using update expressions": each
  clause at most once; paths must not overlap.
- ministack takes an empty name inside a map. "Naming rules": a name has at least one character.
- moto ends in a ValueError of its own on a condition that cannot be parsed.
"""

import itertools
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.emulators import Emulator
from verification.simulation.models.dynamodb import DynamoDB, Table

CALLS = 250
names = (f"table-{number}" for number in itertools.count())

# What the functions write, and other uses of the grammar.
CONDITIONS = (
    None,
    "attribute_not_exists(b)",
    "attribute_exists(b)",
    "attribute_not_exists(b) OR b < :x",
    "attribute_not_exists(b) OR (b < :x OR (b = :x AND c < :y))",
    "attribute_exists(b) AND (attribute_not_exists(c) OR (b < :x OR (b = :x AND c < :y)))",
    "b = :x OR c = :x AND b <> :y",
    "b <= :x AND c >= :y",
    "b > c",
)
UPDATES = (
    "SET b = :x, #d = :d, revision = if_not_exists(revision, :one) + :one",
    "SET b = :x, c = :y, revision = if_not_exists(revision, :one) + :one REMOVE #d",
    "SET b = if_not_exists(b, :x), c = b",
    "SET revision = revision + :one",
    "SET revision = if_not_exists(revision, :one) + :one REMOVE c, #d",
    "REMOVE b, c",
)
# Expressions that DynamoDB refuses, and the emulator that takes them all the same or breaks.
WRONG = (
    ("SET data = :x", None, ""),
    ("SET b = :x SET c = :x", None, "ministack"),
    ("SET b = :x, b = :x", None, "ministack"),
    ("SET data2 = :x, #d = :x", None, "ministack"),
    ("SET b = :undefined", None, ""),
    ("SET b = ", None, "ministack"),
    ("SET b = :x", "b << :x", "moto"),
    ("SET b = :x", "attribute_exists(b", "moto"),
    ("SET k = :x", None, ""),
    ("b = :x", None, ""),
)
STRINGS = tuple({"S": text} for text in ("a", "b", "ab", "\U0001f691", "\uffff", ""))
VALUES: tuple[dict[str, Any], ...] = (
    *STRINGS,
    {"N": "1"},
    {"N": "1.0"},
    {"N": "-12.5"},
    {"N": "100"},
    {"B": b"a"},
    {"BOOL": True},
    {"NULL": True},
    {"M": {"a": {"N": "1"}, "L": {"L": [{"S": "x"}, {"M": {}}]}}},
    {"L": []},
)


class Twins:
    def __init__(self, emulator: Emulator) -> None:
        self.name = next(names)
        self.emulated = emulator.client("dynamodb")
        self.emulated.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.model = DynamoDB({self.name: Table(keys=("k",))})

    def call(self, operation: str, **parameters: Any) -> tuple[Any, Any]:
        """Call both; give what each answers."""
        return tuple(
            _outcome(getattr(side, operation), TableName=self.name, **parameters)
            for side in (self.model, self.emulated)
        )

    def item(self, key: str) -> tuple[Any, Any]:
        """Give what each holds."""
        held = self.emulated.get_item(TableName=self.name, Key={"k": {"S": key}}).get("Item")
        return _normal(self.model.tables[self.name].items.get((key,))), _normal(held)


def _outcome(call: Any, **parameters: Any) -> Any:
    try:
        answer = call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"], _normal(error.response.get("Item"))
    return _normal(answer.get("Attributes"))


def _normal(value: Any) -> Any:
    """Write numbers in one way, since DynamoDB does."""
    if isinstance(value, dict):
        if list(value) == ["N"] and isinstance(value["N"], str):
            return {"N": float(value["N"])}
        return {name: _normal(child) for name, child in value.items()}
    return [_normal(child) for child in value] if isinstance(value, list) else value


def given(expression: str) -> dict[str, Any]:
    """Give values to the placeholders that an expression uses, and names."""
    values = {":one": {"N": "1"}}
    used = {word.strip("(),") for word in expression.replace(",", " ").split()}
    parameters: dict[str, Any] = {}
    if "#d" in expression:
        parameters["ExpressionAttributeNames"] = {"#d": "data2" if "data2" in expression else "data"}
    placeholders = sorted(word for word in used if word.startswith(":") and word != ":undefined")
    if placeholders:
        parameters["ExpressionAttributeValues"] = {name: values.get(name) for name in placeholders}
    return parameters


def random_call(random: Random, values: tuple[dict[str, Any], ...]) -> tuple[str, dict[str, Any]]:
    """Draw a call whose compared values are of these."""
    parameters: dict[str, Any]
    condition = random.choice(CONDITIONS)
    key = {"k": {"S": random.choice("pqr")}}
    if random.random() < 0.3:
        item = key | {name: random.choice(values) for name in ("b", "c") if random.random() < 0.6}
        item["data"] = random.choice(VALUES)
        operation, parameters, text = "put_item", {"Item": item}, condition or ""
    else:
        update = random.choice(UPDATES)
        operation, parameters, text = "update_item", {"Key": key, "UpdateExpression": update}, f"{update} {condition}"
        parameters["ReturnValues"] = random.choice(("NONE", "ALL_OLD", "ALL_NEW"))
    parameters |= given(text)
    for name, value in parameters.get("ExpressionAttributeValues", {}).items():
        parameters["ExpressionAttributeValues"][name] = value or random.choice(VALUES if name == ":d" else values)
    if condition:
        parameters["ConditionExpression"] = condition
    if random.random() < 0.7:
        parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return operation, parameters


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.nightly)])
def test_the_same_calls_are_answered_alike_and_leave_the_same_items(emulator: Emulator, seed: int) -> None:
    # Given one table in both
    random, twins = Random(seed), Twins(emulator)
    values = STRINGS if emulator.name == "moto" else VALUES
    for _ in range(CALLS):
        # When both are called alike
        operation, parameters = random_call(random, values)
        answers = twins.call(operation, **parameters)
        # Then they answer alike, and hold the same
        assert answers[0] == answers[1], (operation, parameters)
        items = twins.item((parameters.get("Item") or parameters["Key"])["k"]["S"])
        assert items[0] == items[1], (operation, parameters)


@pytest.mark.parametrize(("update", "condition", "differs"), WRONG)
def test_invalid_expressions_are_refused(emulator: Emulator, update: str, condition: str | None, differs: str) -> None:
    parameters = given(f"{update} {condition}")
    for name, value in parameters.get("ExpressionAttributeValues", {}).items():
        parameters["ExpressionAttributeValues"][name] = value or {"S": "a"}
    if condition:
        parameters["ConditionExpression"] = condition
    twins = Twins(emulator)
    parameters |= {"TableName": twins.name, "Key": {"k": {"S": "p"}}, "UpdateExpression": update}
    assert _outcome(twins.model.update_item, **parameters) == ("ValidationException", None)
    if emulator.name != differs:
        assert _outcome(twins.emulated.update_item, **parameters) == ("ValidationException", None)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "value",
    [
        {"N": "1" * 39},
        {"N": "1e126"},
        {"N": "1e-131"},
        {"N": "one"},
        {"S": "x" * 410_000},
    ],
    ids=["39 digits", "too large", "too small", "no number", "more than 400 KiB"],
)
def test_invalid_values_are_refused(ministack: Emulator, value: dict[str, Any]) -> None:
    answers = Twins(ministack).call("put_item", Item={"k": {"S": "p"}, "b": value})
    assert answers[0] == answers[1] == ("ValidationException", None)


@pytest.mark.nightly
@pytest.mark.parametrize("levels", [31, 32])
def test_values_are_nested_as_deep_as_dynamodb_takes_them(ministack: Emulator, levels: int) -> None:
    value: dict[str, Any] = {"S": "x"}
    for level in range(levels):
        value = {"M": {"a": value}} if level % 2 else {"L": [value]}
    answers = Twins(ministack).call("put_item", Item={"k": {"S": "p"}, "b": value})
    assert answers[0] == answers[1]


@pytest.mark.parametrize("key", [{"S": ""}, {"N": "1"}, {"S": "x" * 2049}], ids=["empty", "a number", "too long"])
def test_invalid_keys_are_refused(emulator: Emulator, key: dict[str, str]) -> None:
    answers = Twins(emulator).call("put_item", Item={"k": key})
    assert answers[0] == answers[1] == ("ValidationException", None)
