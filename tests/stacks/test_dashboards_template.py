"""Dashboards draw what the stack measures, every alarm, and nothing over anything else."""

import json
import re
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.stacks import dashboard_body
from tests.stacks.dashboard_body import Line, Widget
from tests.stacks.templates import Template, functions, of_type, rendered
from vectorcare_bridge.edge.metric import Metric

OPERATIONS = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")
DASHBOARDS = ("business", "engineer")


@pytest.mark.parametrize("name", DASHBOARDS)
def test_no_widget_lies_over_another_or_beyond_the_edge(template: Template, name: str) -> None:
    found = widgets(template, name)
    assert all(widget.x + widget.width <= dashboard_body.COLUMNS for widget in found)
    assert not [(one.title, other.title) for one, other in combinations(found, 2) if overlap(one, other)]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_widget_says_what_it_shows(template: Template, name: str) -> None:
    for widget in widgets(template, name):
        assert widget.title or widget.markdown
        assert widget.kind != "metric" or widget.lines
        assert widget.view == "singleValue" or widget.kind != "metric" or widget.unit


def test_own_metrics_are_drawn_by_the_dimensions_that_the_functions_emit_them_with(template: Template) -> None:
    # Given
    emitted = {metric.value for metric in Metric}
    by = dict(re.findall(r"`(\w+)` \(by `(\w+)`\)", OPERATIONS))
    # When
    drawn = [line for name in DASHBOARDS for line in lines(template, name) if line.namespace == "VectorCareBridge"]
    # Then
    assert drawn
    for line in drawn:
        assert line.metric in emitted
        assert line.by == by.get(line.metric), line.metric
        assert line.dimensions.keys() == {"organization", "service"}


def test_every_metric_is_drawn(template: Template) -> None:
    drawn = {line.metric for name in DASHBOARDS for line in lines(template, name)}
    # Nobody has to look at how many requests were no webhooks at all.
    assert {metric.value for metric in Metric} - drawn <= {"RefusedRequest"}


def test_the_business_sees_webhooks_by_action_requests_by_status_freshness_and_silence(template: Template) -> None:
    drawn = {(line.metric, line.by) for line in lines(template, "business")}
    assert {("WebhooksByAction", "action"), ("AppliedByStatus", "status")} <= drawn
    assert {("FreshnessSeconds", None), ("Accepted", None)} <= drawn


def test_the_business_sees_how_commands_ended_and_how_late(template: Template) -> None:
    drawn = {(line.metric, line.by) for line in lines(template, "business")}
    outcomes = {("CommandSucceeded", None), ("CommandFailed", "reason"), ("CommandExpired", None)}
    assert outcomes | {("CommandUncertain", None), ("CommandLagSeconds", None)} <= drawn


def test_the_engineer_sees_every_function(template: Template) -> None:
    of = {line.label for line in lines(template, "engineer") if line.metric == "Invocations"}
    assert of == functions(template).keys()


def test_the_engineer_sees_api_functions_bus_queues_spool_and_tables(template: Template) -> None:
    drawn = {line.namespace for line in lines(template, "engineer")}
    aws = {f"AWS/{service}" for service in ("ApiGateway", "Lambda", "SQS", "DynamoDB", "Events")}
    assert drawn == aws | {"VectorCareBridge"}


def test_the_engineer_sees_the_state_of_every_alarm(template: Template) -> None:
    (states,) = (widget for widget in widgets(template, "engineer") if widget.kind == "alarm")
    shown = [re.sub(r"^<(\w+)\.Arn>$", r"\1", alarm) for alarm in states.alarms]
    assert sorted(shown) == sorted(of_type(template, "AWS::CloudWatch::Alarm"))


def test_a_threshold_is_drawn_where_its_alarm_has_it(templates: Mapping[str, Template]) -> None:
    drawn = {
        label: value
        for name in DASHBOARDS
        for widget in widgets(templates["everything"], name)
        for label, value in widget.thresholds
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


def widgets(template: Template, name: str) -> list[Widget]:
    (body,) = (
        dashboard["Properties"]["DashboardBody"]
        for dashboard in of_type(template, "AWS::CloudWatch::Dashboard").values()
        if dashboard["Properties"]["DashboardName"].endswith(f"-{name}")
    )
    text = rendered(body)
    document: dict[str, Any] = json.loads(text)
    assert document["start"]
    return dashboard_body.read(text)


def lines(template: Template, name: str) -> list[Line]:
    return [line for widget in widgets(template, name) for line in widget.lines]


def overlap(one: Widget, other: Widget) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )
