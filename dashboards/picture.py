"""A dashboard as one picture: each widget in its place on the grid, as CloudWatch shows it."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dashboards.definition import COLUMNS, Widget
from dashboards.graph import GREY, draw_graph
from dashboards.readings import Reading
from dashboards.series import Span, total_of

_COLUMN, _ROW, _HEADER = 0.8, 0.62, 0.5  # inches
_GAP = 0.05  # inches between widgets
_STATES = {"OK": "#cfe8cf", "ALARM": "#f1b0aa", "INSUFFICIENT_DATA": "#e8e8e8"}


@dataclass(frozen=True)
class _Box:
    """A place in inches, from the figure's lower left corner."""

    figure: Figure
    left: float
    bottom: float
    width: float
    height: float

    def axes(self, *, left: float = 0, right: float = 0, bottom: float = 0, top: float = 0) -> Axes:
        """Make axes in it, that far from its edges."""
        width, height = self.figure.get_size_inches()
        return self.figure.add_axes(
            (
                (self.left + left) / width,
                (self.bottom + bottom) / height,
                (self.width - left - right) / width,
                (self.height - bottom - top) / height,
            )
        )


def draw(
    name: str, widgets: Sequence[Widget], readings: Sequence[Reading], states: Mapping[str, str], *, file: Path
) -> None:
    """Draw a dashboard into a PNG file.

    Parameters
    ----------
    name : str
        The dashboard's.
    readings : sequence of Reading
        At least one.
    states : mapping of str to str
        The state of each alarm by its name.
    """
    span = Span.of(readings)
    height = max(widget.y + widget.height for widget in widgets) * _ROW + _HEADER
    figure = Figure(figsize=(COLUMNS * _COLUMN, height), dpi=80, facecolor="#f5f6f7")
    title = f"{name}    {_span_text(span)}"
    figure.text(0.008, 1 - _HEADER / 2 / height, title, fontsize=11, weight="bold", va="center")
    for widget in widgets:
        box = _Box(
            figure,
            widget.x * _COLUMN + _GAP,
            height - _HEADER - (widget.y + widget.height) * _ROW + _GAP,
            widget.width * _COLUMN - 2 * _GAP,
            widget.height * _ROW - 2 * _GAP,
        )
        if widget.kind == "text":
            _draw_text(box, widget)
            continue
        panel = _draw_panel(box, widget)
        if widget.kind == "alarm":
            _draw_states(box, widget, states)
        elif widget.view == "singleValue":
            _draw_number(panel, widget, readings)
        else:
            draw_graph(box.axes(left=0.55, right=0.5, bottom=0.85, top=0.5), widget, readings, span)
    figure.savefig(file)


def _draw_text(box: _Box, widget: Widget) -> None:
    axes = box.axes()
    axes.set_axis_off()
    first, *rest = widget.markdown.splitlines()
    text = [part for line in rest for part in textwrap.wrap(line, 100)]
    middle = 0.62 if text else 0.5
    axes.text(0.1 / box.width, middle, first.lstrip("# "), fontsize=12, weight="bold", va="center")
    axes.text(0.1 / box.width, middle - 0.15, "\n".join(text), fontsize=9.5, va="top")


def _draw_panel(box: _Box, widget: Widget) -> Axes:
    panel = box.axes()
    panel.set_xticks([])
    panel.set_yticks([])
    for side in panel.spines.values():
        side.set_color("#d0d4d8")
    panel.text(0.08 / box.width, 1 - 0.18 / box.height, widget.title, fontsize=9.5, weight="bold", va="center")
    return panel


def _draw_states(box: _Box, widget: Widget, states: Mapping[str, str]) -> None:
    axes = box.axes(left=_GAP, right=_GAP, bottom=_GAP, top=0.36)
    axes.set_axis_off()
    columns = min(len(widget.alarms), widget.width // 3 + 1)
    rows = -(-len(widget.alarms) // columns)
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    for index, name in enumerate(widget.alarms):
        row, column = divmod(index, columns)
        state = states.get(name, "INSUFFICIENT_DATA")
        axes.add_patch(Rectangle((column + 0.02, row + 0.05), 0.96, 0.9, facecolor=_STATES[state], edgecolor="#c0c4c8"))
        shown = f"{name.rpartition('-')[2]}\n{state.replace('_', ' ').lower()}"
        axes.text(column + 0.5, row + 0.5, shown, fontsize=7.5, ha="center", va="center")


def _draw_number(panel: Axes, widget: Widget, readings: Sequence[Reading]) -> None:
    (line,) = widget.lines
    total = total_of(line, readings)
    if total is None:
        panel.text(0.5, 0.45, "no data", ha="center", va="center", fontsize=11, color=GREY)
    else:
        panel.text(0.5, 0.45, f"{total:,.0f}", ha="center", va="center", fontsize=20)
    panel.text(0.5, 0.13, line.label, ha="center", va="center", fontsize=8, color=GREY)


def _span_text(span: Span) -> str:
    start, end = (datetime.fromtimestamp(time, UTC) for time in (span.start, span.end))
    return f"{start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC, in periods of {span.period} s"
