"""Several runs of lists: made where they are not made already, and tabled with their spread."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from models.evaluation.lists.runs import ListRun, execute
from models.evaluation.report import Spread, summaries, write_csv
from models.evaluation.results import Result, Results

COSTS = {"epochs": "epochs", "train_s": "train s"}


def executed(runs: Sequence[ListRun], folder: Path) -> list[Result]:
    """Every run's result: what is in the folder already, and the others made now."""
    kept = Results(folder)
    results = []
    for run in runs:
        found = kept.find(run.key)
        if found is None:
            found = execute(run)
            kept.add(found)
        results.append(found)
    return results


def report(results: Sequence[Result], runs: Sequence[ListRun], folder: Path) -> None:
    """Print the table; write the CSV files."""
    first = runs[0]
    shown = [f"ndcg@{max(first.ks)}", *(f"recall_capped@{k}" for k in first.ks[:3]), "mrr"]
    shown += [f"coverage@{first.ks[0]}", f"gini@{first.ks[0]}"]
    found = sorted(summaries(results), key=lambda s: -s.figures[shown[0]].mean)
    title = f"{first.data}, {len(first.log.users):,} rows; full corpus, {first.found.name}"
    table = Table("model", "runs", *shown, *COSTS.values(), title=title, title_justify="left")
    for each in found:
        figures = [each.figures.get(name) for name in shown]
        costs = [f"{each.figures[name].mean:.1f}" for name in COSTS]
        table.add_row(each.model, str(each.runs), *map(_told, figures), *costs)
    write_csv(results, found, folder)
    console = Console()
    console.print(table)
    console.print(f"In {folder}: summary.csv, runs.csv, runs.jsonl", highlight=False)


def _told(figure: Spread | None) -> str:
    return "–" if figure is None else str(figure)
