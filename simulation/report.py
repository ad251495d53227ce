"""Results of a run: tables for the terminal, a page, CSV and JSON for programs."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from simulation import figures, lists
from simulation.differences import comparisons, differences, off_policy
from simulation.diversity import by_categories, by_sessions, diversity
from simulation.judging import mean_known
from simulation.outcome import LOOP, Outcome
from simulation.page import DIGITS, WHOLE, page, verdict
from simulation.plan import BacktestPlan
from simulation.segments import grouped, segment_values

_NEW_S = 3_600.0


def write(
    plan: BacktestPlan,
    outcome: Outcome,
    took_s: float,
    out: Path,
    segments: Sequence[str] = (),
) -> dict[str, Any]:
    """Print the report, and put `report.html`, `report.json` and `answers.csv` into `out`.

    Args:
        segments: attributes that the loop's figures are divided by.

    Raises:
        ConfigurationError: a segment is none.
    """
    found = summary(plan, outcome, took_s, segments)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    (out / "report.html").write_text(page(found))
    _answers(plan, outcome, out / "answers.csv")
    show(found, plan.k)
    return found


def summary(
    plan: BacktestPlan, outcome: Outcome, took_s: float, segments: Sequence[str] = ()
) -> dict[str, Any]:
    """All figures of a run, as JSON has them."""
    log, k = plan.log, plan.k
    hours = np.floor(plan.hours[outcome.places]).astype(np.int64)
    spent_s = float(log.times[-1] - log.times[0]) if len(log) else 0.0
    variety = _variety(plan, outcome)
    return {
        "events": len(log),
        "questions": len(outcome.places),
        "k": k,
        "simulated_s": spent_s,
        "times_real_time": spent_s / took_s if took_s else float("nan"),
        "digest": outcome.digest(),
        "quality": figures.by_answerer(outcome, k, hours),
        "stages": figures.by_stage(outcome, k, hours),
        "sources": figures.recalls(outcome, hours),
        "finders": figures.by_finder(outcome, k),
        "segments": figures.by_segment(outcome, k, hours),
        "attributes": {
            name: figures.by_value(
                outcome, k, hours, grouped(segment_values(log, name, outcome.places))
            )
            for name in segments
        },
        "hours": figures.by_hour(outcome, k, hours),
        "over_time": figures.over_time(outcome, k, hours, variety),
        "lists": _lists(plan, outcome, variety),
        "differences": differences(plan, outcome),
        "comparisons": comparisons(plan, outcome),
        "off_policy": off_policy(plan, outcome),
    }


def _variety(plan: BacktestPlan, outcome: Outcome) -> dict[str, np.ndarray]:
    """By name, (questions,) how little alike the items of each list are; NaN if not looked at."""
    made = outcome.lists
    if not made:
        return {}
    found = {"diversity_by_sessions": diversity(made, by_sessions(plan.log))}
    if (categories := by_categories(plan.log)) is not None:
        found["diversity_by_categories"] = diversity(made, categories)
    return found


def _lists(
    plan: BacktestPlan, outcome: Outcome, variety: Mapping[str, np.ndarray]
) -> dict[str, float]:
    if not outcome.lists:
        return {}
    log, made = plan.log, outcome.lists
    size = len(log.item_ids)
    born = np.full(size, np.inf)
    np.minimum.at(born, log.items, log.times)
    return {
        "coverage": lists.coverage(made, size),
        "gini": lists.gini(made, size),
        "novelty_bits": lists.novelty(made, np.bincount(log.items, minlength=size)),
        "share_first_met_within_1h": lists.share_new(made, log.times[outcome.places], born, _NEW_S),
        "personalisation": lists.personalisation(made),
        "degraded": float(np.mean([bool(reason) for reason in outcome.degraded])),
        **{name: mean_known(values) for name, values in variety.items()},
    }


def show(found: dict[str, Any], k: int) -> None:
    """Tables for a person."""
    console = Console()
    title = f"{found['questions']:,} questions, {found['events']:,} events"
    _table(console, title, found["quality"], best_first=f"NDCG@{k}")
    for name in ("stages", "sources", "finders", "segments", "comparisons"):
        _table(console, name, found[name])
    for name, rows in {**found["attributes"], **found["off_policy"]}.items():
        _table(console, name, rows)
    _table(console, "hour of the log", {str(hour): row for hour, row in found["over_time"].items()})
    if found["lists"]:
        console.print("  ".join(f"{name} {value:.3f}" for name, value in found["lists"].items()))
    console.print(verdict(found))
    console.print(f"{found['times_real_time']:,.0f} x real time; lists {found['digest']}")


def _table(
    console: Console, title: str, rows: dict[str, dict[str, float]], best_first: str | None = None
) -> None:
    if not rows:
        return
    names = list(next(iter(rows.values())))
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    order = sorted(rows, key=lambda row: -rows[row][best_first]) if best_first else list(rows)
    for row in order:
        cells = [_cell(name, rows[row][name]) for name in names]
        table.add_row(row, *cells, style="bold" if row == LOOP else None)
    console.print(table)


def _cell(name: str, value: float) -> str:
    return f"{value:,.0f}" if name in WHOLE else f"{value:.{DIGITS.get(name, 3)}f}"


def _answers(plan: BacktestPlan, outcome: Outcome, path: Path) -> None:
    """A row for each question: the place of the right answer in everyone's list, -1 if absent."""
    log, names = plan.log, list(outcome.ranks)
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["event_time", "user_id", "item_id", *names])
        columns = [outcome.ranks[name] for name in names]
        for number, place in enumerate(outcome.places):
            user, item = log.user_ids[log.users[place]], log.item_ids[log.items[place]]
            ranks = [column[number] for column in columns]
            rows.writerow([f"{log.times[place]:.3f}", user, item, *ranks])
