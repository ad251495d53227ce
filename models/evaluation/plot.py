"""The picture of an evaluation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.evaluation.report import Spread, Summary
from models.evaluation.results import Result

COLOUR = "#1b7f4d"
PANELS = {"auc": "AUC", "log_loss": "log loss"}
ROW_INCHES = 0.32
LABELLED_CURVES = 10
# Differences below this stay small on the picture, too.
LEAST_SPAN = 0.02


def draw(results: Sequence[Result], found: Sequence[Summary], title: str, path: Path) -> None:
    """AUC and log loss of each model with its spread; in time order also the AUC on the way."""
    from matplotlib.figure import Figure

    curves = any(result.curve for result in results)
    height = max(3.5, 1.5 + ROW_INCHES * len(found))
    figure = Figure(figsize=(10, height + 4 * curves), dpi=120, layout="constrained")
    figure.suptitle(title)
    parts: Any = figure.subfigures(2, 1, height_ratios=[4, height]) if curves else [figure]
    if curves:
        _draw_curves(parts[0].subplots(), results, [each.model for each in found])
    for axes, (name, label) in zip(parts[-1].subplots(1, 2), PANELS.items(), strict=True):
        _draw_spreads(axes, found, name, label)
    figure.savefig(path)


def _draw_spreads(axes: Any, found: Sequence[Summary], name: str, label: str) -> None:
    shown = [each for each in found if name in each.figures][::-1]
    spreads = [each.figures[name] for each in shown]
    axes.errorbar(
        [spread.mean for spread in spreads],
        range(len(shown)),
        xerr=[spread.deviation or 0.0 for spread in spreads],
        fmt="o",
        color=COLOUR,
        capsize=3,
    )
    for place, spread in enumerate(spreads):
        label_at = (spread.mean, place)
        axes.annotate(f"{spread.mean:.4f}", label_at, (0, 5), textcoords="offset points",
                      ha="center", fontsize="x-small")  # fmt: skip
    axes.set_yticks(range(len(shown)), [each.model for each in shown])
    axes.set(xlabel=label, xlim=_span(spreads), ylim=(-0.6, len(shown) - 0.4))
    axes.locator_params(axis="x", nbins=6)
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.grid(alpha=0.3)


def _span(spreads: Sequence[Spread]) -> tuple[float, float]:
    low = min(spread.mean - (spread.deviation or 0.0) for spread in spreads)
    high = max(spread.mean + (spread.deviation or 0.0) for spread in spreads)
    margin = max(0.1 * (high - low), (LEAST_SPAN - (high - low)) / 2)
    return low - margin, high + margin


def _draw_curves(axes: Any, results: Sequence[Result], order: Sequence[str]) -> None:
    from matplotlib import colormaps

    colours = colormaps["tab10" if len(order) <= LABELLED_CURVES else "tab20"]
    labelled = set()
    for result in results:
        rows, areas = zip(*result.curve, strict=True) if result.curve else ((), ())
        place = order.index(result.model)
        label = None if result.model in labelled else result.model
        labelled.add(result.model)
        axes.plot(rows, areas, color=colours(place % colours.N), lw=1.2, label=label)
    axes.set(xlabel="rows, in time order", ylabel="AUC so far, scored before learnt")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize="small", ncols=2, loc="lower right")
