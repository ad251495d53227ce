"""`millstream backtest`: the whole loop on a log, in one process, on simulated time."""

from pathlib import Path
from typing import Any

import click

from millstream.cli.replay_options import replay_options, replay_options_of


@click.command()
@replay_options
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
@click.option("--resume", is_flag=True, help="Go on with a run that was killed, where it was.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("backtest-run"),
    show_default=True,
    help="Folder of the report.",
)
def backtest(files: tuple[Path, ...], compared: tuple[str, ...], **options: Any) -> None:
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
    options["files"] = tuple(path for path in files if str(path) not in further)
    log = replay_options_of(options)
    from simulation.command import BacktestOptions, run

    run(BacktestOptions(log=log, compared=[*compared, *further], **options))
