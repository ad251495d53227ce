"""Several runs: planned, made where they are not made already, and reported."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from models.catalogue import CATALOGUE, find
from models.entry import Entry
from models.evaluation.dataset import Dataset
from models.evaluation.learner import Report
from models.evaluation.options import options_of
from models.evaluation.plot import draw
from models.evaluation.report import summaries, table, write_csv
from models.evaluation.results import Result, Results
from models.evaluation.runs import EvaluationRun, execute
from models.evaluation.settings import Training


def planned(
    names: Sequence[str],
    dataset: Dataset,
    *,
    split: str,
    split_seed: int,
    seeds: int,
    training: Training,
    options: Iterable[str],
    k: int,
) -> list[EvaluationRun]:
    """A run for each model and each seed below `seeds`.

    Args:
        names: of the catalogue; `all` stands for every ranker that can be evaluated so.
        options: of builders, `name=value`.

    Raises:
        ConfigurationError: no such model or option.
    """
    entries = entries_of(names, split)
    if "all" in names and dataset.groups is None:
        entries = [entry for entry in entries if not entry.needs_groups]
    given = options_of(options, entries)
    return [
        EvaluationRun(entry, dataset, split, seed, split_seed, training, given[entry.name], k)
        for entry in entries
        for seed in range(seeds)
    ]


def entries_of(names: Sequence[str], split: str) -> list[Entry]:
    """The models of these names, each once.

    Raises:
        ConfigurationError: there is no such model.
    """
    if "all" in names:
        return [
            entry
            for entry in CATALOGUE
            if entry.task == "ranking" and (entry.learns_online or split != "progressive")
        ]
    return [find(name) for name in dict.fromkeys(names)]


def executed(runs: Sequence[EvaluationRun], folder: Path) -> list[Result]:
    """Every run's result: what is in the folder already, and the others made now."""
    kept = Results(folder)
    results = []
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        total = progress.add_task(f"{len(runs)} runs", total=len(runs))
        for run in runs:
            found = kept.find(run.key)
            if found is None:
                with _bar(progress, f"{run.entry.name}, seed {run.seed}") as told:
                    found = execute(run, told)
                kept.add(found)
            results.append(found)
            progress.advance(total)
    return results


def report(results: Sequence[Result], runs: Sequence[EvaluationRun], folder: Path) -> None:
    """Print the table; write the CSV files and the plot."""
    dataset, split = runs[0].dataset, runs[0].split
    title = f"{dataset.name}, {len(dataset):,} rows, split {split}"
    found = summaries(results)
    write_csv(results, found, folder)
    draw(results, found, title, folder / "plot.png")
    console = Console()
    console.print(table(found, title))
    console.print(f"In {folder}: summary.csv, runs.csv, runs.jsonl, plot.png", highlight=False)


@contextmanager
def _bar(progress: Progress, name: str) -> Iterator[Report]:
    """A bar for one run, which goes when the run ends."""
    task = progress.add_task(name, total=1.0)

    def told(share: float, reached: float) -> None:
        auc = f", validation AUC {reached:.4f}" if reached > 0 else ""
        progress.update(task, completed=share, description=name + auc)

    try:
        yield told
    finally:
        progress.remove_task(task)
