"""Back-fill of added features for `plan` and `apply`: how far back, how long, and the doing."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from millstream.cli.state_store import state_store
from millstream.domain.changes import Change
from millstream.domain.features import NOT_STORED
from millstream.errors import LogUnavailable

# How long an operator has to stop the stream worker.
_FINISH_S = 600.0

if TYPE_CHECKING:
    from millstream.settings import Settings


def added_columns(found: Sequence[Change]) -> list[str]:
    """Columns of the features that are new and have a state."""
    parts = [(change.path.split("."), change) for change in found if change.action == "added"]
    return [
        f"{path[0]}_{path[2]}"
        for path, change in parts
        if len(path) == 3 and path[1] == "features" and change.after.get("family") not in NOT_STORED
    ]


def show_reach(now: "Settings", columns: Sequence[str]) -> None:
    """Say how far back the log reaches that added features are back-filled from."""
    from stream.history.added import reach

    try:
        found = reach(now)
    except LogUnavailable as error:
        click.secho(f"The log to back-fill from cannot be looked at: {error}", fg="yellow")
        return
    names = ", ".join(columns)
    if found.since_s is None:
        click.echo(f"{names}: the log is empty; values begin at their defaults")
        return
    since = datetime.fromtimestamp(found.since_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    cores = os.cpu_count() or 1
    click.echo(
        f"{names}: back-filled from {found.events:,} messages since {since}, about "
        f"{found.seconds(cores):,.0f} s on {cores} cores ({found.events_per_s:,.0f} a second and "
        "core, measured on the oldest); what is older counts as the default"
    )


def backfill_added(now: "Settings", columns: Sequence[str]) -> None:
    """Back-fill while the stream goes on, then finish when it has stopped."""
    from features.spec import spec_hash
    from features.stores.redis_online import Layouts
    from millstream.log_identity import logs_of
    from millstream.redis_clients import redis_client
    from stream.history.added import AddedFeatures, topic_log
    from stream.history.command import progress
    from stream.history.sources import TABLES, TIMED
    from stream.state.memory import Rules
    from stream.storage.schema import StateCommands

    logs = {t.name: log.identity for t, log in logs_of(now, (*TABLES, *TIMED)).items()}
    with redis_client(now.redis_url) as redis, progress() as on_progress:
        added = AddedFeatures(
            columns,
            now.data_dir / "backfill" / spec_hash(),
            Rules.of(now),
            topic_log(now),
            redis,
            StateCommands(now.topic_prefix, Layouts(now.feast_project)),
            logs,
            processes=os.cpu_count() or 1,
        )
        outcome = added.work(on_progress)
        click.echo(
            f"back-filled: {outcome.scanned.interactions:,} events. Stop the stream worker now, if "
            f"one runs, within {_FINISH_S:.0f} s: the rest is done when none runs."
        )

        async def finish() -> int:
            async with state_store(now, "apply", _FINISH_S) as store:
                return await added.finish(outcome, store, on_progress)

        count = asyncio.run(finish())
    click.echo(f"{', '.join(columns)}: in {count:,} users and items")
