"""`millstream eval`: models of the catalogue on a dataset, offline."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from millstream.cli.hushed import import_keras

if TYPE_CHECKING:
    from models.catalogue import Entry
    from models.evaluation.learner import Report
    from models.evaluation.results import Result
    from models.evaluation.runs import Run

DEFAULT_BATCH_SIZE = 4096
BATCH_SIZES = {"progressive": 256}


@click.command("eval")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--data", required=True, help="ml-100k[+history], libfm:TRAIN,TEST or SCHEMA.toml.")
@click.option(
    "--split",
    "kind",
    type=click.Choice(("given", "random", "time", "progressive")),
    help="What is scored: the dataset's own test, a random fifth, the newest fifth, or every row "
    "in time order before it is learnt. [default: given, else random]",
)
@click.option("--split-seed", default=0, show_default=True, help="Of a random split.")
@click.option("--seeds", default=1, show_default=True, help="Runs of each model, seeds 0, 1, ...")
@click.option("--width", default=16, show_default=True, help="Values per embedding row.")
@click.option(
    "--batch-size", type=int, help="Rows per step. [default: 4096; 256 where progressive]"
)
@click.option("--epochs", default=50, show_default=True, help="At most.")
@click.option(
    "--patience", default=2, show_default=True, help="Epochs without a better validation AUC."
)
@click.option("--learning-rate", default=1e-3, show_default=True, help="Of Adam.")
@click.option(
    "--decay", default=0.1, show_default=True, help="Of the rate, where an epoch gains nothing."
)
@click.option("--l2", default=0.0, show_default=True, help="Penalty on embedding rows.")
@click.option("--dropout", type=float, help="Of networks that have it.")
@click.option("--min-count", default=1, show_default=True, help="Rarer ids share one row.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the builder.")
@click.option("--k", default=10, show_default=True, help="Of NDCG, recall and MAP.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("eval-run"),
    show_default=True,
    help="Folder of results, tables and the plot.",
)
def evaluate(
    models: tuple[str, ...],
    data: str,
    kind: str | None,
    split_seed: int,
    seeds: int,
    options: tuple[str, ...],
    k: int,
    out: Path,
    **training: Any,
) -> None:
    """Learn models from a dataset and measure them; MODEL is a name of the catalogue, or all.

    A run that is in the folder of results already is not repeated.

    \b
    Examples:
      millstream eval lr deepfm dcn_v2 --data ml-100k --seeds 3
      millstream eval deepfm --data ml-100k --split progressive
      millstream eval deepfm --data clicks.toml --option hidden=400,400 --dropout 0.2
    """
    import_keras()
    from models.evaluation import loaders, splits
    from models.evaluation.options import options_of
    from models.evaluation.runs import Run
    from models.evaluation.settings import Training

    entries = _entries(models)
    given = options_of(options, entries)
    dataset = loaders.load(data)
    split = kind or splits.default_split(dataset)
    batch_size = training.pop("batch_size") or BATCH_SIZES.get(split, DEFAULT_BATCH_SIZE)
    how = Training(batch_size=batch_size, **training)
    runs = [
        Run(entry, dataset, split, seed, split_seed, how, given[entry.name], k)
        for entry in entries
        for seed in range(seeds)
    ]
    results = _executed(runs, out)
    if results:
        _report(results, f"{dataset.name}, {len(dataset):,} rows, split {split}", out)


def _entries(names: tuple[str, ...]) -> list["Entry"]:
    from models.catalogue import CATALOGUE, find

    if names == ("all",):
        return [entry for entry in CATALOGUE if entry.task == "ranking"]
    return [find(name) for name in dict.fromkeys(names)]


def _executed(runs: list["Run"], out: Path) -> list["Result"]:
    """Every run's result: what is in the folder already, and the others made now."""
    from models.evaluation.results import Results
    from models.evaluation.runs import execute

    kept = Results(out)
    results = []
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        total = progress.add_task(f"{len(runs)} runs", total=len(runs))
        for run in runs:
            found = kept.find(run.key)
            if found is None:
                with _bar(progress, f"{run.entry.name}, seed {run.seed}") as report:
                    found = execute(run, report)
                kept.add(found)
            results.append(found)
            progress.advance(total)
    return results


@contextmanager
def _bar(progress: Progress, name: str) -> Iterator["Report"]:
    """A bar for one run, which goes when the run ends."""
    task = progress.add_task(name, total=1.0)

    def report(share: float, reached: float) -> None:
        auc = f", validation AUC {reached:.4f}" if reached > 0 else ""
        progress.update(task, completed=share, description=name + auc)

    try:
        yield report
    finally:
        progress.remove_task(task)


def _report(results: list["Result"], title: str, out: Path) -> None:
    from models.evaluation.plot import draw
    from models.evaluation.report import summaries, table, write_csv

    found = summaries(results)
    write_csv(results, found, out)
    draw(results, found, title, out / "plot.png")
    Console().print(table(found, title))
    click.echo(f"In {out}: summary.csv, runs.csv, runs.jsonl, plot.png")
