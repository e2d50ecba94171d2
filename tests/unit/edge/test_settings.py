"""Rule: a function whose environment is wrong says which variable is, and never what it holds."""

from dataclasses import dataclass
from enum import StrEnum

import pytest

from vectorcare_bridge.edge import settings


class Order(StrEnum):
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Settings:
    queue_url: str
    order_by: Order
    retention_days: int
    publish_actions: frozenset[str]
    publish_data: bool


Settings.__module__ = "publisher.settings"
ENVIRONMENT = {
    "QUEUE_URL": "url",
    "ORDER_BY": "first",
    "RETENTION_DAYS": "365",
    "PUBLISH_ACTIONS": "A,B",
    "PUBLISH_DATA": "false",
    "SOMETHING_ELSE": "1",
}


def test_each_variable_is_read_as_its_field_says() -> None:
    read = settings.load(Settings, ENVIRONMENT)
    assert read == Settings("url", Order.FIRST, 365, frozenset({"A", "B"}), publish_data=False)


@pytest.mark.parametrize("variable", ["ORDER_BY", "RETENTION_DAYS", "PUBLISH_DATA"])
def test_a_malformed_variable_is_named_with_the_fix_and_without_its_value(variable: str) -> None:
    with pytest.raises(settings.SettingsError) as raised:
        settings.load(Settings, ENVIRONMENT | {variable: "s3cret"})
    assert str(raised.value) == f"publisher: {variable} is malformed. Deploy the stack again: its template sets it."
    assert raised.value.__cause__ is None


def test_a_missing_variable_is_named_with_the_fix() -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "QUEUE_URL"}
    with pytest.raises(settings.SettingsError, match=r"^publisher: QUEUE_URL is not set\. Deploy the stack again"):
        settings.load(Settings, environment)
