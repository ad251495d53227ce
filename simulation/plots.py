"""Plots of a report as SVG text, to stand inside a page."""

import io
from collections.abc import Mapping

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulation.outcome import LOOP

_OWN, _OTHER = "#c2410c", "#94a3b8"
# The best so many answerers have a line of their own over time.
_LINES = 4


def bars(quality: Mapping[str, Mapping[str, float]], measure: str) -> str:
    """Everyone's `measure`, best on top."""
    names = sorted(quality, key=lambda name: quality[name][measure])
    figure = Figure(figsize=(7.0, 0.6 + 0.3 * len(names)), layout="constrained")
    axes = figure.subplots()
    values = [quality[name][measure] for name in names]
    drawn = axes.barh(names, values, color=[_OWN if n == LOOP else _OTHER for n in names])
    axes.bar_label(drawn, fmt="%.3f", padding=3, fontsize=8)
    axes.set_xlabel(measure)
    axes.margins(x=0.12)
    return _svg(figure, axes)


def over_time(hours: Mapping[str, Mapping[int, float]], measure: str) -> str:
    """`measure` by hour of the log: the loop and the best others."""
    means = {name: sum(own.values()) / max(len(own), 1) for name, own in hours.items()}
    others = sorted((n for n in hours if n != LOOP), key=lambda n: -means[n])[:_LINES]
    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    axes = figure.subplots()
    for shade, name in enumerate(others):
        axes.plot(*_points(hours[name]), label=name, color=_OTHER, ls=("-", "--", ":", "-.")[shade])
    if LOOP in hours:
        axes.plot(*_points(hours[LOOP]), label=LOOP, color=_OWN, lw=2.0)
    axes.set_xlabel("hour of the log")
    axes.set_ylabel(measure)
    axes.set_ylim(bottom=0.0)
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    return _svg(figure, axes)


def intervals(rows: Mapping[str, tuple[float, float, float]], measure: str, zero: bool) -> str:
    """Values with their intervals, first on top.

    Args:
        rows: value, low and high by name.
        zero: draw the line of no difference.
    """
    names = list(rows)[::-1]
    figure = Figure(figsize=(7.0, 0.8 + 0.35 * len(names)), layout="constrained")
    axes = figure.subplots()
    value, low, high = (list(column) for column in zip(*(rows[n] for n in names), strict=True))
    place = range(len(names))
    axes.hlines(place, low, high, color=_OTHER, lw=3.0)
    axes.plot(value, place, "o", color=_OWN)
    if zero:
        axes.axvline(0.0, color="#1e293b", lw=0.8)
    axes.set_yticks(place, names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel(measure)
    return _svg(figure, axes)


def _points(values: Mapping[int, float]) -> tuple[list[int], list[float]]:
    return list(values), list(values.values())


def _svg(figure: Figure, axes: Axes) -> str:
    axes.spines[["top", "right"]].set_visible(False)
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "millstream", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue().partition("<svg")[1] + text.getvalue().partition("<svg")[2]
