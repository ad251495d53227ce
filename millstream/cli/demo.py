"""`millstream demo`: the whole loop on the log of a project, watched live."""

import signal
from pathlib import Path

import click

from millstream.cli.pairs import pairs
from millstream.cli.project_option import chosen
from millstream.domain.current import DEFAULT, TEMPLATES

ML_100K = "ml-100k"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Project folder; the default is that of every process, or else the template `films`.",
)
@click.option(
    "--data",
    multiple=True,
    metavar="FILE|ml-100k",
    help="A file of interactions (JSON lines, CSV, Parquet), or MovieLens-100K by name.",
)
@click.option("--items", multiple=True, type=_FILE, help="A CSV or Parquet file of items.")
@click.option("--users", multiple=True, type=_FILE, help="A CSV or Parquet file of users.")
@click.option(
    "--map",
    "renamed",
    multiple=True,
    metavar="NAME=OURS",
    help="Column NAME of --data read as our column OURS; left out where OURS is empty.",
)
@click.option(
    "--set",
    "constants",
    multiple=True,
    metavar="OURS=VALUE",
    help="Value of a column for all rows of --data.",
)
@click.option("--keep", is_flag=True, help="Keep everything running at the end, to play with.")
@click.option("--rate", default=1000.0, show_default=True, help="Interactions per second.")
@click.option(
    "--limit",
    type=click.IntRange(min=1000),
    help="Number of interactions, the newest ones; all by default.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-run"),
    show_default=True,
    help="Folder of data, logs and the picture; what an earlier run left there is removed.",
)
def demo(
    project: Path | None,
    data: tuple[str, ...],
    items: tuple[Path, ...],
    users: tuple[Path, ...],
    renamed: tuple[str, ...],
    constants: tuple[str, ...],
    keep: bool,
    rate: float,
    limit: int | None,
    folder: Path,
) -> None:
    """Run the whole loop on a log and watch it learn.

    Starts a broker, Redis, the stream worker, the trainer and the serving worker, streams the log
    through them in time order as if it happened now, and ends with a report.

    The template `films`, which is the project where none is named, has MovieLens-100K as its log;
    any other one without --data a log that is made in its words, around planted tastes.

    \b
    Examples:
      millstream demo
      millstream demo --limit 20000 --rate 2000
      millstream demo --keep
      millstream demo --project my-shop
      millstream demo --project my-shop --data orders.csv --items products.csv
    """
    is_films = chosen(project) == TEMPLATES / DEFAULT  # before anything reads the domain
    from millstream.cli.demo_log import demo_log
    from millstream.cli.demo_run import run

    for ending in (signal.SIGTERM, signal.SIGINT):  # a shell's background jobs ignore SIGINT
        signal.signal(ending, signal.default_int_handler)  # end what was started, too
    log = demo_log(
        data or ((ML_100K,) if is_films else ()),
        items,
        users,
        pairs("--map", renamed),
        pairs("--set", constants),
    )
    run(log.newest(limit), folder.resolve(), rate, keep)
