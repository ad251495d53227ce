"""`millstream backtest`: the whole loop on a log, in one process, on simulated time."""

import os
from pathlib import Path
from typing import Any

import click

from millstream.cli.quiet_import import import_keras_quietly

_THREADS = ("OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@click.command()
@click.argument(
    "files",
    nargs=-1,
    metavar="[FILE...]",
    type=click.Path(exists=True, path_type=Path),
)
@click.option("--topics", is_flag=True, help="Replay the topics of this installation; read only.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    help="Column of a CSV or Parquet file that holds user_id, item_id, event_time, session_id, or "
    "context.NAME, user.NAME or item.NAME for --segment.",
)
@click.option("--from", "first", type=float, help="First hour of the log that is replayed.")
@click.option("--to", "end", type=float, help="Hour of the log at which the replay ends.")
@click.option("--ask-from", type=float, help="First hour of the log in which lists are asked.")
@click.option(
    "--sessions-of",
    type=int,
    default=1,
    show_default=True,
    help="Minimum events of a session that is replayed.",
)
@click.option("--keep-repeats", is_flag=True, help="Keep an item's repeats within a session.")
@click.option(
    "--new-items",
    type=click.Choice(["first-click", "upsert"]),
    default="first-click",
    show_default=True,
    help="When items without an upsert in the log come to be: when first met, or never.",
)
@click.option(
    "--ask",
    type=click.Choice(["positive", "session-last", "impression"]),
    default="positive",
    show_default=True,
    help="Events before which a list is asked; logged impressions are judged by propensities.",
)
@click.option(
    "--k", type=click.IntRange(1, 200), default=20, show_default=True, help="List length."
)
@click.option(
    "--snapshot-every",
    multiple=True,
    default=("5m",),
    show_default=True,
    help="Span between two snapshots, such as 30s or 24h, never or batch. Repeat it to compare.",
)
@click.option(
    "--feature-delay",
    multiple=True,
    default=("0s",),
    show_default=True,
    help="Delay of an event on its way to the stream. Repeat it to compare runs.",
)
@click.option(
    "--batch-every", default="5s", show_default=True, help="Span between two batches of the stream."
)
@click.option(
    "--baseline",
    "chosen",
    multiple=True,
    default=("all",),
    show_default=True,
    help="A baseline asked beside the loop; all or none.",
)
@click.option("--loop/--no-loop", default=True, help="Ask the loop, or the baselines alone.")
@click.option(
    "--compare",
    "compared",
    multiple=True,
    metavar="FILE.toml|NAME=VALUE[,...]",
    help="Settings of a run; repeat it, or name further .toml files, to compare runs.",
)
@click.option(
    "--segment",
    "segments",
    multiple=True,
    metavar="NAME",
    help="Attribute to divide figures by: user.NAME, item.NAME or context.NAME.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of exploration.")
@click.option("--resume", is_flag=True, help="Go on with a run that was killed, where it was.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("backtest-run"),
    show_default=True,
    help="Folder of the report.",
)
def backtest(
    files: tuple[Path, ...], topics: bool, compared: tuple[str, ...], **options: Any
) -> None:
    """Replay the logs FILE... through the whole loop; every list is asked before it is told.

    Stream, trainer and serving run in this process, on simulated time, without Kafka and Redis:
    the same cores as live. Same log, same settings, same seed: same lists. Models and features are
    those of the settings (`millstream settings`). Files are JSON lines, CSV or Parquet.

    \b
    Examples:
      millstream backtest events.jsonl
      millstream backtest clicks.csv.zst --column event_time=ts --from 8 --to 20 --ask-from 12
      millstream backtest clicks.csv --ask session-last --sessions-of 2 --snapshot-every 1h
      millstream backtest clicks.csv --snapshot-every 5m --snapshot-every 1h --snapshot-every never
      millstream backtest clicks.csv --no-loop --baseline popular-7d --baseline blended
      millstream backtest events.jsonl --compare a.toml b.toml --segment user.country
      millstream backtest --topics --ask impression
    """
    further = [str(path) for path in files if path.suffix == ".toml"] if compared else []
    files = tuple(path for path in files if str(path) not in further)
    if bool(files) == topics:
        raise click.UsageError("Expected either FILE... or --topics.")
    # Before NumPy's and TensorFlow's first work: one thread each, so that sums are the same.
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    import_keras_quietly()
    from simulation.command import BacktestOptions, run

    run(BacktestOptions(files=files, topics=topics, compared=[*compared, *further], **options))
