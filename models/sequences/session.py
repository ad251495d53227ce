"""Several runs on one log: planned, made where they are not made already, and reported."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from rich.console import Console
from rich.table import Table

from models.catalogue import find
from models.evaluation.options import options_of
from models.evaluation.results import Result, Results, canonical
from models.sequences.fit import Progress, SequenceLearner
from models.sequences.reading import SequenceLog
from models.sequences.run import SequenceRun, SequenceTraining

SHOWN = {"ndcg@10": "NDCG@10", "hit_rate@10": "HR@10", "mrr": "MRR", "coverage@10": "coverage@10"}


def planned(
    names: Sequence[str],
    log: SequenceLog,
    *,
    seeds: int,
    loss: str,
    options: Iterable[str],
    training: Mapping[str, Any],
    begin: Path | None = None,
) -> list[SequenceRun]:
    """A run for each model and each seed below `seeds`.

    Args:
        options: of builders, `name=value`.
        training: of `SequenceTraining`.
        begin: see `SequenceRun`.

    Raises:
        ConfigurationError: no such model or option, or one that is not of sequences.
    """
    entries = [find(name) for name in dict.fromkeys(names)]
    given = options_of(options, entries)
    own = {f.name: training[f.name] for f in fields(SequenceTraining) if f.name in training}
    return [
        SequenceRun(entry, log, SequenceTraining(**own), given[entry.name], loss, seed, begin)
        for entry in entries
        for seed in range(seeds)
    ]


def executed(runs: Sequence[SequenceRun], folder: Path) -> list[Result]:
    """Every run's result: what is in the folder already, and the others made now."""
    kept, console = Results(folder), Console(stderr=True)
    results = []
    for run in runs:
        found = kept.find(run.key)
        if found is None:
            found = _executed(run, folder, console)
            kept.add(found)
        results.append(found)
    return results


def report(results: Sequence[Result], folder: Path) -> None:
    """Print the table of means and standard deviations over seeds."""
    by_model: dict[str, list[Result]] = {}
    for result in results:
        by_model.setdefault(f"{result.model}, {result.key['loss']}", []).append(result)
    title = f"{results[0].key['dataset']}, full corpus; {results[0].key['split']}"
    table = Table(title=title, title_justify="left")
    for column in ("model, loss", "runs", *SHOWN.values(), "epochs", "train s", "entries/s"):
        table.add_column(column, no_wrap=True)
    for name, own in by_model.items():
        figures = [_spread([run.metrics[figure] or 0.0 for run in own]) for figure in SHOWN]
        epochs, seconds, speed = (
            fmean(getattr(run, cost) for run in own)
            for cost in ("epochs", "train_s", "examples_per_s")
        )
        cost = (f"{epochs:.0f}", f"{seconds:.0f}", f"{speed:,.0f}")
        table.add_row(name, str(len(own)), *figures, *cost)
    console = Console()
    console.print(table)
    console.print(f"In {folder}: runs.jsonl", highlight=False)


def _executed(run: SequenceRun, folder: Path, console: Console) -> Result:
    name = f"{run.entry.name}, {run.loss}, seed {run.seed}"

    def told(progress: Progress) -> None:
        best = f"best NDCG@10 {progress.best:.4f} after {progress.best_epoch}"
        console.print(f"{name}: epoch {progress.epoch}, {best}", highlight=False)

    place = sha256(canonical(run.key).encode()).hexdigest()[:12]
    learner = SequenceLearner(run, folder / f"{run.entry.name}-{place}")
    progress = learner.fit(told)
    figures = learner.figures(run.log.protocol.test)
    return Result(
        key=run.key,
        metrics=dict(figures.values),
        epochs=progress.epoch,
        train_s=progress.seconds,
        examples_per_s=progress.entries / max(progress.seconds, 1e-9),
    )


def _spread(values: Sequence[float]) -> str:
    spread = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{fmean(values):.4f}{spread}"
