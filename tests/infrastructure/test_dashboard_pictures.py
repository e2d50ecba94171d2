"""The deployed dashboards become pictures of what was measured, each metric as its widget asks for it."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from dashboards import definition, picture
from dashboards.definition import Line
from dashboards.readings import Reading, embedded
from dashboards.series import Span, series_of, statistic_of, total_of
from tests.infrastructure.templates import Template, of_type, rendered

OWN = {"organization": "acme", "service": "processor"}
BY_REASON = Line(
    namespace="VectorCareBridge",
    metric="Failed",
    dimensions=OWN,
    statistic="Sum",
    label="died: ${PROP('Dim.reason')}",
    by="reason",
)
APPLIED = Line(namespace="VectorCareBridge", metric="Applied", dimensions=OWN, statistic="Sum", label="applied")


def read(metric: str, value: float, *, at: float = 0, **more: str) -> Reading:
    return Reading(at, "VectorCareBridge", metric, OWN | more, value)


def test_a_log_lines_metrics_are_read_with_their_dimensions() -> None:
    # Given
    line = {
        "_aws": {
            "Timestamp": 1_700_000_000_500,
            "CloudWatchMetrics": [
                {
                    "Namespace": "VectorCareBridge",
                    "Dimensions": [["organization", "service"]],
                    "Metrics": [{"Name": "Applied", "Unit": "Count"}, {"Name": "Stale", "Unit": "Count"}],
                }
            ],
        },
        **OWN,
        "Applied": [1.0, 2.0],
        "Stale": 3.0,
    }
    # When
    found = list(embedded(json.dumps(line)))
    # Then
    assert [(reading.metric, reading.value) for reading in found] == [("Applied", 1), ("Applied", 2), ("Stale", 3)]
    assert {reading.at for reading in found} == {1_700_000_000.5}
    assert all(reading.dimensions == OWN for reading in found)


@pytest.mark.parametrize("line", ["", "START RequestId", "[1]", '"text"', '{"message": "webhook.received"}'])
def test_a_log_line_without_metrics_has_none(line: str) -> None:
    assert list(embedded(line)) == []


def test_a_search_draws_a_line_for_each_value_and_a_plain_metric_none_of_them() -> None:
    # Given
    readings = [read("Failed", 1, reason="not_json"), read("Failed", 2, at=30, reason="unstorable"), read("Failed", 9)]
    span = Span.of(readings)
    # When
    drawn = series_of(BY_REASON, readings, span)
    # Then
    assert [(series.label, [value for _, value in series.points]) for series in drawn] == [
        ("died: not_json", [1]),
        ("died: unstorable", [2]),
    ]


def test_a_period_holds_one_value_and_a_period_without_readings_none() -> None:
    # Given
    readings = [read("Applied", 1, at=0), read("Applied", 1, at=4), read("Applied", 1, at=900)]
    # When
    span = Span.of(readings)
    (series,) = series_of(APPLIED, readings, span)
    # Then
    assert span.period == 30
    assert list(series.points) == [(0, 2), (900, 1)]
    assert total_of(APPLIED, readings) == 3
    assert total_of(BY_REASON, readings) is None


@pytest.mark.parametrize(
    ("name", "value"), [("Sum", 10), ("Maximum", 4), ("Minimum", 1), ("Average", 2.5), ("p50", 2), ("p99", 4)]
)
def test_statistics_are_cloudwatchs(name: str, value: float) -> None:
    assert statistic_of(name, [4, 1, 3, 2]) == value


def test_a_search_is_drawn_by_the_axis_that_it_asks_for() -> None:
    search = """SEARCH('{VectorCareBridge,organization,reason} MetricName="Failed" organization="acme"', 'Sum', 300)"""
    metrics = [[{"expression": search, "label": "left"}], [{"expression": search, "label": "right", "yAxis": "right"}]]
    widget = {"type": "metric", "x": 0, "y": 0, "width": 6, "height": 6, "properties": {"metrics": metrics}}
    (read_widget,) = definition.read(json.dumps({"widgets": [widget]}))
    left, right = read_widget.lines
    assert (left.right, right.right) == (False, True)


def test_an_expression_that_cannot_be_drawn_is_named() -> None:
    widget = {"type": "metric", "x": 0, "y": 0, "width": 6, "height": 6}
    body = {"widgets": [{**widget, "properties": {"metrics": [[{"expression": "m1/m2", "label": "ratio"}]]}}]}
    with pytest.raises(ValueError, match="m1/m2"):
        definition.read(json.dumps(body))


def test_each_dashboard_becomes_a_picture_as_wide_and_high_as_its_grid(
    templates: Mapping[str, Template], tmp_path: Path
) -> None:
    readings = [read(metric, value, at=5.0 * value) for metric in ("Applied", "Stale") for value in range(20)]
    for dashboard in of_type(templates["minimal"], "AWS::CloudWatch::Dashboard").values():
        # Given
        widgets = definition.read(rendered(dashboard["Properties"]["DashboardBody"]))
        file = tmp_path / "dashboard.png"
        # When
        picture.draw("acme", widgets, readings, {}, file=file)
        # Then
        width, height = struct.unpack(">II", file.read_bytes()[16:24])
        rows = max(widget.y + widget.height for widget in widgets)
        assert width / 24 == pytest.approx(64, rel=0.05)
        assert height / rows == pytest.approx(50, rel=0.1)
