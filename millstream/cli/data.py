"""`millstream data`: obtain a dataset."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

from millstream import codec
from millstream.datasets import ml_100k


@click.group()
def data() -> None:
    """Download and verify a dataset.

    \b
    Example:
      millstream data ml-100k --out ml-100k.jsonl
    """


@data.command("ml-100k")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="File of JSON lines for `millstream publish`: films, people, then ratings.",
)
def movielens_100k(out: Path | None) -> None:
    """Download MovieLens-100K, from GroupLens or RecBole's wheel, verify it, and cache it.

    \b
    Examples:
      millstream data ml-100k
      millstream data ml-100k --out ml-100k.jsonl
    """
    with _reporting() as report:
        dataset = ml_100k.load(report)
    ratings, films, people = dataset.tables
    click.echo(f"{len(ratings):,} ratings, {len(films):,} films, {len(people):,} people: verified.")
    if out is not None:
        written = write_jsonl(dataset, out)
        click.echo(f"{written:,} events written to {out}")


def write_jsonl(dataset: ml_100k.MovieLens, out: Path) -> int:
    """Write films, people and ratings as one JSON event a line; how many."""
    count = 0
    with out.open("wb") as file:
        for event in chain(dataset.items(), dataset.users(), dataset.interactions()):
            file.write(codec.encode(event) + b"\n")
            count += 1
    return count


@contextmanager
def _reporting() -> Iterator[ml_100k.Report]:
    """A progress bar on standard error for what `load` reports."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("looking into the cache", total=None)

        def report(line: str, done: int, total: int | None) -> None:
            progress.update(task, description=line, completed=done, total=total)

        yield report
