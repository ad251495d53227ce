"""`millstream serve`: the serving worker."""

import sys
from pathlib import Path

import click

from millstream.settings import settings


@click.command()
@click.option(
    "--all-in-one",
    is_flag=True,
    help="Take events, make features and learn, too, without Kafka and Redis: a whole installation "
    "on one machine.",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of such an installation. [default: MILLSTREAM_DATA_DIR]",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes behind the one port; each makes lists on a core of its own.",
)
def serve(all_in_one: bool, folder: Path | None, workers: int) -> None:
    """Run the serving worker: recommendations over HTTP, from the newest snapshot.

    The API is documented at /docs; / is a console to try it with. SIGTERM or Ctrl-C ends it after
    the requests that it has accepted.

    With --workers a parent keeps so many processes. /metrics and /readyz speak for all of them;
    SIGHUP to the parent replaces them one after the other.

    With --all-in-one log and online store are files in --dir, and a second process beside this one
    makes features and learns. `millstream migrate` moves such a folder to Kafka and Redis.

    \b
    Examples:
      millstream serve
      millstream serve --workers 4
      millstream serve --all-in-one --dir box
      curl -X POST localhost:8000/v1/recommend -d '{"user_id": "196"}' \\
           -H 'Content-Type: application/json'
    """
    if all_in_one:
        if workers > 1:
            raise click.UsageError("--workers is not for --all-in-one, which has one.")
        from millstream.cli.all_in_one import serve_folder

        serve_folder(folder or settings().data_dir)
        return
    if folder is not None:
        raise click.UsageError("--dir is of --all-in-one.")
    from serving.main import main, run_workers

    if workers == 1:
        main(settings())
    else:
        sys.exit(run_workers(settings(), workers))
