"""What a dashboard's body says: its widgets, and the lines that each draws."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

COLUMNS = 24


@dataclass(frozen=True, kw_only=True)
class Line:
    """One metric, or with `by` one for each value of a dimension.

    Attributes
    ----------
    dimensions : mapping of str to str
        Those that the metric has to have, and no others but `by`.
    statistic : str
        `Sum`, `Maximum`, `Minimum`, `Average`, or a percentile such as `p99`.
    label : str
        With `by`, the value of that dimension takes the place of CloudWatch's `${PROP('Dim.…')}`.
    right : bool
        Drawn by the right axis.
    """

    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    label: str
    by: str | None = None
    right: bool = False

    def label_of(self, dimensions: Mapping[str, str]) -> str:
        """Say what a metric that belongs to this line is called."""
        return self.label.replace(f"${{PROP('Dim.{self.by}')}}", dimensions[self.by]) if self.by else self.label


@dataclass(frozen=True, kw_only=True)
class Widget:
    """One widget in its place on the grid; what it does not have is empty.

    Attributes
    ----------
    kind : str
        `text`, `metric` or `alarm`.
    alarms : tuple of str
        The names of the alarms that it shows.
    thresholds : tuple of (str, float)
        Lines across, by their labels.
    """

    kind: str
    x: int
    y: int
    width: int
    height: int
    title: str = ""
    markdown: str = ""
    view: str = "timeSeries"
    stacked: bool = False
    unit: str = ""
    right_unit: str = ""
    lines: tuple[Line, ...] = ()
    alarms: tuple[str, ...] = ()
    thresholds: tuple[tuple[str, float], ...] = field(default=())


def read(body: str) -> list[Widget]:
    """Read a dashboard's body.

    The page that describes it: CloudWatch API Reference, "Dashboard body structure and syntax".

    Raises
    ------
    ValueError
        It holds an expression other than the one form of SEARCH that `stacks/monitoring` writes.
    """
    return [_widget(widget) for widget in json.loads(body)["widgets"]]


def _widget(raw: Mapping[str, Any]) -> Widget:
    properties = raw["properties"]
    axes = properties.get("yAxis", {})
    return Widget(
        kind=raw["type"],
        x=raw["x"],
        y=raw["y"],
        width=raw["width"],
        height=raw["height"],
        title=properties.get("title", ""),
        markdown=properties.get("markdown", ""),
        view=properties.get("view", "timeSeries"),
        stacked=properties.get("stacked", False),
        unit=axes.get("left", {}).get("label", ""),
        right_unit=axes.get("right", {}).get("label", ""),
        lines=tuple(_line(line) for line in properties.get("metrics", [])),
        alarms=tuple(arn.rpartition(":")[2] for arn in properties.get("alarms", [])),
        thresholds=tuple(
            (line["label"], line["value"]) for line in properties.get("annotations", {}).get("horizontal", [])
        ),
    )


def _line(raw: list[Any]) -> Line:
    options: Mapping[str, Any] = raw[-1] if isinstance(raw[-1], dict) else {}
    if "expression" in options:
        return _search(options["expression"], options["label"], right=options.get("yAxis") == "right")
    namespace, metric, *pairs = [part for part in raw if isinstance(part, str)]
    return Line(
        namespace=namespace,
        metric=metric,
        dimensions=dict(zip(pairs[::2], pairs[1::2], strict=True)),
        statistic=options.get("stat", "Average"),
        label=options.get("label", metric),
        right=options.get("yAxis") == "right",
    )


def _search(expression: str, label: str, *, right: bool) -> Line:
    found = re.fullmatch(r"SEARCH\('\{(\w+),([\w,]+)\} (.*)', '(\w+)', \d+\)", expression)
    if not found:
        raise ValueError(f"This expression cannot be drawn here: {expression}")
    namespace, schema, conditions, statistic = found.groups()
    values = dict(re.findall(r'(\w+)="([^"]*)"', conditions))
    metric = values.pop("MetricName")
    (by,) = set(schema.split(",")) - values.keys()
    return Line(
        namespace=namespace, metric=metric, dimensions=values, statistic=statistic, label=label, by=by, right=right
    )
