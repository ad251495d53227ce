"""`millstream apply`: the domain file becomes that of the installation."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from millstream.cli.added_features import added_columns, backfill_added, show_reach
from millstream.cli.project_option import FOLDER, RESTART, chosen, show_plan
from millstream.clock import SystemClock
from millstream.domain import read_domain
from millstream.domain.applied import applied_in, record
from millstream.domain.changes import changes
from millstream.errors import StoreUnavailable

if TYPE_CHECKING:
    from millstream.settings import Settings


@click.command()
@FOLDER
@click.option("--yes", is_flag=True, help="Does not ask.")
@click.option(
    "--prune",
    is_flag=True,
    help="Removes stored state of features that are no more; stop the stream worker before.",
)
@click.option(
    "--no-backfill", is_flag=True, help="Lets added features begin empty, without the log."
)
def apply(folder: Path | None, yes: bool, prune: bool, no_backfill: bool) -> None:
    """Make the domain file that of the installation.

    Shows the plan, asks, creates the topics that are missing, tells Feast of the features and
    records what was applied, so that the next plan is compared with it. It may be run again.

    Features that are added are back-filled from what the topics have kept, while the stream goes
    on; for the last seconds of the log it has to be stopped, as it must be restarted anyway.
    DIR is the project's folder; without it that of MILLSTREAM_PROJECT, else the working folder.

    Ends with 0 when all of it is done, with 1 where something does not answer or was not confirmed;
    then nothing is recorded.

    \b
    Examples:
      millstream apply my-shop
      millstream apply my-shop --yes
      millstream apply my-shop --prune
    """
    project = chosen(folder)
    domain = read_domain(project)
    from millstream.kafka import create_topics
    from millstream.settings import settings

    now = settings()
    applied = applied_in(now.data_dir)
    found = changes(applied.domain if applied else None, domain)
    show_plan(found, applied, as_json=False)
    columns = added_columns(found) if applied and not no_backfill else []
    if columns:
        show_reach(now, columns)
    if not yes and not click.confirm("Apply?"):
        sys.exit(1)
    created = create_topics(now)
    click.echo(f"topics: {len(created)} created")
    from feature_repo.apply import apply_definitions

    click.echo(f"Feast: {apply_definitions(now)}")
    if columns:
        backfill_added(now, columns)
    if prune:
        click.echo(f"pruned: {_pruned(now)} users and items")
    click.echo(f"recorded in {record(now.data_dir, project, SystemClock().now())}")
    click.echo(f"{RESTART} They find this domain by MILLSTREAM_PROJECT={project}")


def _pruned(now: "Settings") -> int:
    from redis import RedisError

    from millstream.redis_clients import redis_client
    from stream.storage.pruning import prune

    try:
        with redis_client(now.redis_url) as client:
            return prune(client, now.topic_prefix)
    except RedisError as error:
        raise StoreUnavailable(f"Redis does not answer: {error}") from error
