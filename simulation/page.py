"""The report as one HTML page: what to conclude first, then the figures behind it."""

from collections.abc import Mapping
from html import escape
from typing import Any

from simulation import plots
from simulation.outcome import LOOP

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
       color: #1e293b; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.verdict { font-size: 1.15rem; border-left: 4px solid #c2410c; padding-left: 1rem; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: right; padding: .2rem .7rem; border-bottom: 1px solid #e2e8f0; }
th:first-child, td:first-child { text-align: left; }
tr.own { color: #c2410c; font-weight: 600; }
svg { max-width: 100%; height: auto; }
footer { color: #64748b; font-size: .85rem; margin-top: 2rem; }
"""
_TITLES = {
    "stages": ("From candidates to the list", "What ranking, then diversity, make of the order."),
    "sources": ("What each source finds", "Whether the right answer is among its candidates."),
    "finders": ("Who brought the hits", "A hit that several sources brought counts for each."),
    "segments": ("For whom", "Users and items that were met before, and those that were not."),
}
# Columns of whole numbers, and those that need more digits than others.
WHOLE = frozenset({"questions", "hits", "only", "effective places"})
DIGITS = {"reward": 5, "low": 5, "high": 5}


def page(found: Mapping[str, Any]) -> str:
    """The whole page; `found` as `simulation.report.summary` gives it."""
    parts = [f"<p class='verdict'>{escape(verdict(found))}</p>"]
    parts += [*_off_policy(found), *_quality(found), *_comparisons(found)]
    for name, (title, text) in _TITLES.items():
        if found[name]:
            parts += [f"<h2>{title}</h2><p>{text}</p>", _table(found[name])]
    for name, rows in found["attributes"].items():
        if rows:
            measure = f"NDCG@{found['k']}"
            parts += [f"<h2>By {escape(name)}</h2>", plots.bars(rows, measure), _table(rows)]
    if found["lists"]:
        parts += ["<h2>The lists beside being right</h2>", _tall(found["lists"])]
    if found["over_time"]:
        by_hour = {str(hour): row for hour, row in found["over_time"].items()}
        parts += ["<h2>Hour by hour</h2>", _table(by_hour)]
    foot = f"{found['times_real_time']:,.0f} times real time; fingerprint {found['digest']}"
    parts.append(f"<footer>{foot}. A figure is the mean of the hours' means.</footer>")
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Backtest</title>"
        f"<style>{_STYLE}</style><h1>Backtest: {found['questions']:,} questions, "
        f"{found['events']:,} events</h1>{''.join(parts)}</html>\n"
    )


def _quality(found: Mapping[str, Any]) -> list[str]:
    measure = f"NDCG@{found['k']}"
    if not found["quality"]:
        return []
    return [
        f"<h2>{measure} of everyone</h2>",
        plots.bars(found["quality"], measure),
        "<h2>Over time</h2>",
        plots.over_time(found["hours"], measure),
        "<h2>In figures</h2>",
        _table(found["quality"], best_first=measure),
    ]


def _comparisons(found: Mapping[str, Any]) -> list[str]:
    if not found["comparisons"]:
        return []
    measure = f"NDCG@{found['k']}"
    rows = {
        name: (row[measure], row["NDCG low"], row["NDCG high"])
        for name, row in found["comparisons"].items()
    }
    text = "Paired by question; the bars hold 95 %. One that leaves out 0 is a difference."
    return [
        f"<h2>Variants compared</h2><p>{text}</p>",
        plots.intervals(rows, f"difference of {measure}", zero=True),
        _table(found["comparisons"]),
    ]


def _off_policy(found: Mapping[str, Any]) -> list[str]:
    text = (
        "Mean reward of a place, had the loop chosen its item: estimated from lists that others "
        "have shown, by how probable each item was. Few effective places, and it is a guess."
    )
    parts = []
    for name, rows in found["off_policy"].items():
        bars = {each: (row["reward"], row["low"], row["high"]) for each, row in rows.items()}
        parts += [
            f"<h2>On logged impressions: {escape(name)}</h2><p>{text}</p>",
            plots.intervals(bars, "reward of a place", zero=False),
            _table(rows),
        ]
    return parts


def verdict(found: Mapping[str, Any]) -> str:
    """One sentence: whether the loop beats the best baseline, by how much, and how surely."""
    measure, quality = f"NDCG@{found['k']}", found["quality"]
    others = [name for name in quality if not name.startswith(LOOP)]
    if not quality:
        return _judged(found)
    best = max(others or [LOOP], key=lambda name: quality[name][measure])
    if LOOP not in quality or not others:
        return f"Best: {best}, {measure} {quality[best][measure]:.3f}."
    own, other = quality[LOOP][measure], quality[best][measure]
    low, high = found["differences"][best]["low"], found["differences"][best]["high"]
    word = "beats" if low > 0 else "loses to" if high < 0 else "cannot be told from"
    return (
        f"Millstream ({measure} {own:.3f}) {word} the best baseline, {best} ({other:.3f}): "
        f"difference per question {found['differences'][best]['mean']:+.3f}, "
        f"95 % interval {low:+.3f} to {high:+.3f}."
    )


def _judged(found: Mapping[str, Any]) -> str:
    if LOOP not in found["off_policy"]:
        return "Nothing was asked."
    rows = found["off_policy"][LOOP]
    own, logged = rows["DR"], rows["logged"]["reward"]
    if own["low"] <= logged <= own["high"]:
        word = "cannot be told from"
    else:
        word = "would earn more than" if own["low"] > logged else "would earn less than"
    return (
        f"Millstream {word} what was shown: {own['reward']:.5f} a place by doubly robust estimate, "
        f"95 % interval {own['low']:.5f} to {own['high']:.5f}; what was shown earned {logged:.5f}."
    )


def _tall(row: Mapping[str, float]) -> str:
    """One row as a table of names and values."""
    return _table({name.replace("_", " "): {"": value} for name, value in row.items()})


def _table(rows: Mapping[str, Mapping[str, float]], best_first: str | None = None) -> str:
    names = list(next(iter(rows.values()), {}))
    order = sorted(rows, key=lambda row: -rows[row][best_first]) if best_first else list(rows)
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
    body = "".join(
        f"<tr{' class=own' if row == LOOP else ''}><td>{escape(row)}</td>"
        + "".join(f"<td>{_cell(name, rows[row][name])}</td>" for name in names)
        + "</tr>"
        for row in order
    )
    return f"<table><tr><th></th>{head}</tr>{body}</table>"


def _cell(name: str, value: float) -> str:
    return f"{value:,.0f}" if name in WHOLE else f"{value:.{DIGITS.get(name, 3)}f}"
