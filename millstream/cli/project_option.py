"""The project folder as an argument of commands, and what they show of a plan."""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from millstream.domain.applied import Applied
from millstream.domain.changes import Change
from millstream.domain.current import VARIABLE, project_folder

FOLDER = click.argument(
    "folder",
    metavar="[DIR]",
    required=False,
    type=click.Path(file_okay=False, path_type=Path),
)
RESTART = (
    "Then restart the workers: the stream first, then serving, then the trainer (where a feature "
    "was removed, the trainer before serving)."
)


def chosen(folder: Path | None) -> Path:
    """The folder that is meant; the domain of this process and of its children is that in it."""
    found = (folder or project_folder()).resolve()
    os.environ[VARIABLE] = str(found)
    return found


def show_plan(found: Sequence[Change], applied: Applied | None, as_json: bool) -> None:
    """Print what would change, and what that does."""
    if as_json:
        at = applied.at_s if applied else None
        changes = [change.as_json() for change in found]
        click.echo(json.dumps({"applied_at": at, "changes": changes}, indent=1))
        return
    click.echo(_heading(applied))
    for change in found:
        colour = {"added": "green", "removed": "red"}.get(change.action, "yellow")
        click.secho(change.line(), fg=colour)
        for what, happens in change.does.items() if applied else ():
            click.echo(f"    {what}: {happens}")
    click.echo(_count(found))


def _heading(applied: Applied | None) -> str:
    if applied is None:
        return "Nothing was applied here yet: all of it is new."
    at = datetime.fromtimestamp(applied.at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"Compared with {applied.domain.name}, applied {at}:"


def _count(found: Sequence[Change]) -> str:
    if not found:
        return "Nothing changes."
    return "1 change." if len(found) == 1 else f"{len(found)} changes."
