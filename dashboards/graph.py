"""One graph of a dashboard: lines or stacked bars over time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from matplotlib.axes import Axes

from dashboards.definition import Widget
from dashboards.readings import Reading
from dashboards.series import Series, Span, series_of

GREY = "#6b6b6b"
_RED = "#d62728"
_COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#bcbd22", "#7f7f7f", "#d62728")
_SMALL = 7
_MINUTE = 60  # seconds
_STEPS = (5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)  # seconds
_MOST_TICKS = 6


def draw_graph(graph: Axes, widget: Widget, readings: Sequence[Reading], span: Span) -> None:
    """Draw what was read of a widget's metrics, or say that nothing was."""
    drawn = [series for line in widget.lines for series in series_of(line, readings, span)]
    if not drawn:
        _say_no_data(graph, widget)
        return
    left = [series for series in drawn if not series.right]
    right = [series for series in drawn if series.right]
    _draw_series(graph, left, span, stacked=widget.stacked, colors=_COLORS)
    _draw_axes(graph, widget, span)
    handles, labels = graph.get_legend_handles_labels()
    if right:
        other = graph.twinx()
        _draw_series(other, right, span, stacked=False, colors=_COLORS[len(left) :])
        _draw_values(other, _per_period(widget.right_unit, span))
        other_handles, other_labels = other.get_legend_handles_labels()
        handles, labels = handles + other_handles, labels + [f"{label} (right)" for label in other_labels]
    _draw_thresholds(graph, widget, span)
    silent = sorted({line.label for line in widget.lines if not line.by} - {series.label for series in drawn})
    graph.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.13),
        ncols=max(1, min(len(handles), widget.width // 3)),
        fontsize=_SMALL,
        frameon=False,
        handlelength=1.2,
        columnspacing=1,
        title=f"no data: {', '.join(silent)}" if silent else None,
        title_fontsize=_SMALL,
    )


def _draw_series(graph: Axes, drawn: Sequence[Series], span: Span, *, stacked: bool, colors: Sequence[str]) -> None:
    below: dict[float, float] = {}
    for index, series in enumerate(drawn):
        color = colors[index % len(colors)]
        if not stacked:
            at, values = _with_gaps(series, span)
            graph.plot(at, values, color=color, marker="o", markersize=3, linewidth=1.2, label=series.label)
            continue
        graph.bar(
            [time for time, _ in series.points],
            [value for _, value in series.points],
            width=span.period * 0.9,
            align="edge",
            bottom=[below.get(time, 0.0) for time, _ in series.points],
            color=color,
            label=series.label,
        )
        for time, value in series.points:
            below[time] = below.get(time, 0.0) + value


def _with_gaps(series: Series, span: Span) -> tuple[list[float], list[float]]:
    """Give a line's points, broken where a period has none: a line across would show what was not measured."""
    at, values = [time for time, _ in series.points[:1]], [value for _, value in series.points[:1]]
    for (before, _), (time, value) in pairwise(series.points):
        if time - before > span.period:
            at.append(before + span.period)
            values.append(float("nan"))
        at.append(time)
        values.append(value)
    return at, values


def _draw_axes(graph: Axes, widget: Widget, span: Span) -> None:
    graph.set_xlim(span.start - span.period, span.end)
    _draw_values(graph, _per_period(widget.unit, span))
    step = next((each for each in _STEPS if (span.end - span.start) / each <= _MOST_TICKS), _STEPS[-1])
    first = -int(-span.start // step)
    at = [tick * step for tick in range(first, int(span.end // step) + 1)]
    graph.set_xticks(at, [_clock(time, seconds=step < _MINUTE) for time in at])
    graph.grid(visible=True, color="#e6e8ea", linewidth=0.8)
    graph.set_axisbelow(True)
    for side in ("top", "right"):
        graph.spines[side].set_visible(False)


def _draw_values(graph: Axes, unit: str) -> None:
    graph.set_ylabel(unit, fontsize=7.5, color=GREY)
    graph.set_ylim(0, max(1.0, graph.get_ylim()[1]))
    graph.locator_params(axis="y", nbins=5, integer=True)
    graph.tick_params(labelsize=_SMALL)


def _draw_thresholds(graph: Axes, widget: Widget, span: Span) -> None:
    _, highest = graph.get_ylim()
    for label, value in widget.thresholds:
        if value > 4 * highest:
            shown = f"{label}: {value:,.0f}, above what is shown"
            graph.set_title(shown, fontsize=_SMALL, color=_RED, loc="right", pad=2)
            continue
        graph.axhline(value, color=_RED, linestyle="--", linewidth=1)
        graph.set_ylim(0, max(highest, value * 1.15))
        graph.text(span.end, value, f"{label} ", fontsize=_SMALL, color=_RED, ha="right", va="bottom")


def _say_no_data(graph: Axes, widget: Widget) -> None:
    graph.set_axis_off()
    names = sorted({f"{line.namespace} {line.metric}" for line in widget.lines})
    where = "" if any(line.namespace == "VectorCareBridge" for line in widget.lines) else ", kept on AWS alone"
    text = "\n".join([f"no data{where}", *names])
    graph.text(0.5, 0.5, text, ha="center", va="center", fontsize=8, color=GREY, transform=graph.transAxes)


def _per_period(unit: str, span: Span) -> str:
    return unit.replace("5 minutes", f"{span.period} s")


def _clock(time: float, *, seconds: bool) -> str:
    return f"{datetime.fromtimestamp(time, UTC):{'%H:%M:%S' if seconds else '%H:%M'}}"
