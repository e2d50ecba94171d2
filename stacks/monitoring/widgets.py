"""Widgets of both dashboards: a grid of 24 columns, rows of one height."""

from collections.abc import Mapping, Sequence
from functools import partial

from aws_cdk import aws_cloudwatch as cloudwatch

Row = list[cloudwatch.IWidget]

COLUMNS = 24
HEIGHT = 6
_TRANSPARENT = cloudwatch.TextWidgetBackground.TRANSPARENT


def heading(text: str) -> list[cloudwatch.IWidget]:
    """Return a row with a heading for the rows below it."""
    return [cloudwatch.TextWidget(markdown=text, width=COLUMNS, height=1, background=_TRANSPARENT)]


def graph(
    title: str,
    *lines: cloudwatch.IMetric,
    width: int = 8,
    unit: str = "in 5 minutes",
    right: Sequence[cloudwatch.IMetric] = (),
    right_unit: str = "",
    threshold: tuple[str, float] | None = None,
    stacked: bool = False,
) -> cloudwatch.GraphWidget:
    """Return a graph over time.

    Parameters
    ----------
    unit, right_unit : str
        The labels of the axes.
    right : sequence of IMetric
        Lines on the right axis.
    threshold : tuple[str, float] | None
        An alarm's name and threshold, drawn as a line across.
    """
    return cloudwatch.GraphWidget(
        title=title,
        left=list(lines),
        right=list(right),
        width=width,
        height=HEIGHT,
        stacked=stacked,
        left_y_axis=cloudwatch.YAxisProps(label=unit, show_units=False, min=0),
        right_y_axis=cloudwatch.YAxisProps(label=right_unit, show_units=False, min=0),
        left_annotations=[cloudwatch.HorizontalAnnotation(label=f"alarm {threshold[0]}", value=threshold[1])]
        if threshold
        else [],
        legend_position=cloudwatch.LegendPosition.BOTTOM,
    )


wide_graph = partial(graph, width=COLUMNS // 2)


def number(title: str, metric: cloudwatch.Metric, *, width: int = 4) -> cloudwatch.SingleValueWidget:
    """Return one number for the whole period that the dashboard shows."""
    return cloudwatch.SingleValueWidget(
        title=title, metrics=[metric], width=width, height=3, set_period_to_time_range=True
    )


def states(
    title: str, alarms: Mapping[str, cloudwatch.Alarm], names: Sequence[str], *, width: int = COLUMNS, height: int = 3
) -> cloudwatch.AlarmStatusWidget:
    """Return the states of alarms; names that the stack does not have are left out."""
    return cloudwatch.AlarmStatusWidget(
        title=title, alarms=[alarms[name] for name in names if name in alarms], width=width, height=height
    )
