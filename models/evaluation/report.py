"""Report of runs: mean and spread over seeds, as a table and as CSV files."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

from rich.table import Table

from models.evaluation.results import Result

# Of the figures that are shown; CSV holds all.
SHOWN = {"auc": "AUC", "gauc": "GAUC", "log_loss": "log loss"}


class Spread(NamedTuple):
    """Mean and standard deviation over the runs that have the figure; None for one run."""

    mean: float
    deviation: float | None

    def __str__(self) -> str:
        spread = "" if self.deviation is None else f" ± {self.deviation:.4f}"
        return f"{self.mean:.4f}{spread}"


class Summary(NamedTuple):
    """All runs of one model."""

    model: str
    runs: int
    figures: Mapping[str, Spread]


def summaries(results: Iterable[Result]) -> list[Summary]:
    """One for each model, the highest mean AUC first."""
    by_model: dict[str, list[Result]] = {}
    for result in results:
        by_model.setdefault(result.model, []).append(result)
    found = [Summary(model, len(runs), _figures(runs)) for model, runs in by_model.items()]
    return sorted(found, key=lambda s: s.figures["auc"].mean if "auc" in s.figures else 0.0)[::-1]


def table(found: Sequence[Summary], title: str) -> Table:
    """The figures to read, for a terminal."""
    shown = {k: v for k, v in SHOWN.items() if any(k in s.figures for s in found)}
    out = Table(title=title, title_justify="left")
    out.add_column("model", style="bold", no_wrap=True)
    for name in ("runs", *shown.values(), "epochs", "train s", "rows/s"):
        out.add_column(name, justify="right", no_wrap=True)
    for each in found:
        figures = [str(each.figures[k]) if k in each.figures else "–" for k in shown]
        cost = each.figures["epochs"], each.figures["train_s"], each.figures["examples_per_s"]
        out.add_row(
            each.model,
            str(each.runs),
            *figures,
            f"{cost[0].mean:.1f}",
            f"{cost[1].mean:.1f}",
            f"{cost[2].mean:,.0f}",
        )
    return out


def write_csv(results: Sequence[Result], found: Sequence[Summary], folder: Path) -> None:
    """`runs.csv`, a line a run, and `summary.csv`, a line a model."""
    metrics = list(dict.fromkeys(name for result in results for name in result.metrics))
    costs = ("epochs", "train_s", "examples_per_s")
    with (folder / "runs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "dataset", "split", "seed", *metrics, *costs])
        for run in results:
            where = [run.model, run.key["dataset"], run.key["split"], run.key["seed"]]
            values = [run.metrics.get(name) for name in metrics]
            writer.writerow([*where, *values, *(getattr(run, cost) for cost in costs)])
    names = [*metrics, *costs]
    with (folder / "summary.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        pairs = [column for name in names for column in (name, f"{name}_deviation")]
        writer.writerow(["model", "runs", *pairs])
        for each in found:
            spreads = [each.figures.get(name, (None, None)) for name in names]
            writer.writerow([each.model, each.runs, *(v for pair in spreads for v in pair)])


def _figures(runs: Sequence[Result]) -> dict[str, Spread]:
    columns: dict[str, list[float]] = {}
    for run in runs:
        costs = {
            "epochs": float(run.epochs),
            "train_s": run.train_s,
            "examples_per_s": run.examples_per_s,
        }
        for name, value in (run.metrics | costs).items():
            if value is not None:
                columns.setdefault(name, []).append(value)
    return {
        name: Spread(fmean(values), stdev(values) if len(values) > 1 else None)
        for name, values in columns.items()
    }
