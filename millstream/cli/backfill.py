"""`millstream backfill`: features and state of a long log, by bucket, without Kafka and Redis."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from millstream.cli.log_options import LOG_OPTIONS, WORK_OPTIONS, source_of

if TYPE_CHECKING:
    from stream.history.command import HistorySource


@click.command()
@LOG_OPTIONS
@WORK_OPTIONS
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the outcome; an unfinished run there is gone on with.",
)
def backfill(out: Path, buckets: int, processes: int | None, **options: Any) -> None:
    """Make the features of the logs LOG...: the rows and the state that the stream would make.

    The same rules as in the stream, to the last bit, over years of log: users first, then items,
    by bucket, on all cores. Memory holds the catalogue and one bucket a process. LOG is JSON lines,
    CSV or Parquet, plain or compressed; --topics reads what the topics have kept.

    In --out are `offline/`, feature rows in the layout of the offline store, and `state/`, users
    and items as the stream stores them. A run that was killed goes on when the command is repeated.

    \b
    Examples:
      millstream backfill events.jsonl --out history
      millstream backfill 2024.parquet 2025.parquet --items films.csv --out history
      millstream backfill ratings.csv --set kind=rating --map timestamp=event_time --out history
      millstream backfill --topics --out history
    """
    source: HistorySource = source_of(options)
    from millstream.settings import settings
    from stream.history.command import run, summary

    begun = time.perf_counter()
    outcome = run(settings(), source, out, buckets, processes)
    for line in summary(outcome, time.perf_counter() - begun):
        click.echo(line)
