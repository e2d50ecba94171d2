"""Dashboards draw every metric and every alarm, and no widget over another."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.stacks.templates import Template, of_type, released, rendered
from vectorcare_bridge.edge.metric import Metric

OPERATIONS = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")
DASHBOARDS = ("business", "engineer")
COLUMNS = 24


@dataclass(frozen=True)
class Line:
    """One metric, or one for each value of the dimension `by`."""

    namespace: str
    metric: str
    dimensions: frozenset[str]
    label: str = ""
    by: str | None = None


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_widget_says_what_it_shows_and_lies_over_no_other(template: Template, name: str) -> None:
    found = widgets(template, name)
    assert all(widget["x"] + widget["width"] <= COLUMNS for widget in found)
    assert not [(one, other) for one, other in combinations(found, 2) if overlap(one, other)]
    for properties in (widget["properties"] for widget in found):
        assert properties.get("title") or properties.get("markdown")
        if "metrics" in properties and properties["view"] != "singleValue":
            assert properties["yAxis"]["left"]["label"]


def test_every_metric_is_drawn_by_the_dimensions_that_the_functions_emit_it_with(template: Template) -> None:
    # Given
    emitted = {metric.value for metric in Metric}
    by = dict(re.findall(r"`(\w+)` \(by `(\w+)`\)", OPERATIONS))
    # When
    drawn = [line for name in DASHBOARDS for line in lines(template, name) if line.namespace == "VectorCareBridge"]
    # Then
    for line in drawn:
        assert line.by == by.get(line.metric), line.metric
        assert line.dimensions == {"organization", "service"}
    # How many requests were not webhooks at all needs no attention, and not every stack has a second region.
    elsewhere = set() if "reconcile" in released(template) else {"JournalDifference"}
    assert emitted - {"RefusedRequest"} - elsewhere <= {line.metric for line in drawn} <= emitted


def test_the_business_sees_what_came_how_it_ended_and_how_late(template: Template) -> None:
    drawn = {(line.metric, line.by) for line in lines(template, "business")}
    assert {("WebhooksByAction", "action"), ("AppliedByStatus", "status")} <= drawn
    assert {("FreshnessSeconds", None), ("Accepted", None), ("CommandLagSeconds", None)} <= drawn
    assert {("CommandSucceeded", None), ("CommandFailed", "reason"), ("CommandExpired", None)} <= drawn


def test_the_engineer_sees_every_function_and_service_and_the_state_of_every_alarm(template: Template) -> None:
    drawn = lines(template, "engineer")
    assert {line.label for line in drawn if line.metric == "Invocations"} == released(template).keys()
    aws = {f"AWS/{service}" for service in ("ApiGateway", "Lambda", "SQS", "DynamoDB", "Events")}
    assert {line.namespace for line in drawn} == aws | {"VectorCareBridge"}
    (states,) = (each["properties"]["alarms"] for each in widgets(template, "engineer") if each["type"] == "alarm")
    assert sorted(states) == sorted(f"<{name}.Arn>" for name in of_type(template, "AWS::CloudWatch::Alarm"))


def test_a_threshold_is_drawn_at_the_value_of_its_alarm(templates: Mapping[str, Template]) -> None:
    drawn = {
        line["label"]: line["value"]
        for name in DASHBOARDS
        for widget in widgets(templates["everything"], name)
        for line in widget["properties"].get("annotations", {}).get("horizontal", [])
    }
    assert drawn == {
        "alarm Freshness": 120,
        "alarm SlowAnswers": 5000,
        "alarm MessagesWaiting, MessagesInFlight": 500,
        "alarm PublisherBehind": 600_000,
        "alarm CommandsWaiting": 90,
        "alarm CommandsLate": 90,
        "alarm CommandsFailing": 40,
    }


def widgets(template: Template, name: str) -> list[dict[str, Any]]:
    """Give the widgets of a dashboard (CloudWatch API Reference, "Dashboard body structure and syntax")."""
    (body,) = (
        dashboard["Properties"]["DashboardBody"]
        for dashboard in of_type(template, "AWS::CloudWatch::Dashboard").values()
        if dashboard["Properties"]["DashboardName"].endswith(f"-{name}")
    )
    document: dict[str, Any] = json.loads(rendered(body))
    assert document["start"]
    found: list[dict[str, Any]] = document["widgets"]
    return found


def lines(template: Template, name: str) -> list[Line]:
    return [line for widget in widgets(template, name) for line in drawn_by(widget)]


def drawn_by(widget: Mapping[str, Any]) -> Iterator[Line]:
    for namespace, *parts in widget["properties"].get("metrics", []):
        if isinstance(namespace, dict):
            yield searched(namespace["expression"])
        else:
            metric, *pairs = (part for part in parts if isinstance(part, str))
            options = parts[-1] if isinstance(parts[-1], dict) else {}
            yield Line(namespace, metric, frozenset(pairs[::2]), options.get("label", metric))


def searched(expression: str) -> Line:
    """Read the one form of SEARCH that `stacks/monitoring` writes."""
    found = re.fullmatch(r"SEARCH\('\{(\w+),([\w,]+)\} (.*)', '(\w+)', \d+\)", expression)
    assert found, expression
    values = dict(re.findall(r'(\w+)="([^"]*)"', found[3]))
    metric = values.pop("MetricName")
    (by,) = set(found[2].split(",")) - values.keys()
    return Line(found[1], metric, frozenset(values), by=by)


def overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )
