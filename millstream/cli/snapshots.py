"""`millstream snapshots`: what the trainer has published, and what is served of it."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from millstream.cli.serving_workers import ServingWorkers
from millstream.errors import LogUnavailable, SnapshotError
from millstream.kafka import create_topics
from millstream.settings import settings
from millstream.snapshots import (
    Control,
    Manifest,
    ServedState,
    SnapshotReader,
    read_control,
    write_control,
)
from millstream.snapshots.control import Action

_LOOK_S = 1.0  # for a broker, where the list does without

_reason = click.option(
    "--reason", default="by hand", show_default=True, help="Reason that is kept with the command."
)
_timeout = click.option(
    "--timeout", default=30.0, show_default=True, help="Seconds to wait for the serving workers."
)
_force = click.option("--force", is_flag=True, help="Serve it even if the gate held it.")


@click.group()
def snapshots() -> None:
    """List and check snapshots, and say which one is served.

    What `rollback`, `pin` and `pause` say stands until `resume`, over restarts of every worker. The
    trainer goes on learning and publishing meanwhile.
    """


@snapshots.command("list")
def list_snapshots() -> None:
    """Show the snapshots on disk, newest first, and which worker serves which."""
    reader = SnapshotReader(settings().snapshot_dir)
    control, latest = read_control(reader.root), reader.latest()
    states = _heard()
    table = Table(
        "", "version", "kind", "state", "served by", "created (UTC)", "examples", "metrics"
    )
    for version in reversed(reader.versions()):
        served_by = ", ".join(state.worker for state in states or () if state.version == version)
        state, kind, *rest = _cells(reader, version)
        if version == control.version:
            state += f", {_PAST[control.action]} ({control.reason})"
        mark = "*" if version == latest else ""
        table.add_row(mark, str(version), kind, state, served_by, *rest)
    Console().print(table)
    click.echo(f"* is what LATEST points to. In {reader.root}")
    for line in _challengers(reader):
        click.echo(line)
    click.echo(_said(control))
    click.echo(_standing(states))


@snapshots.command()
@click.argument("version", type=int)
def verify(version: int) -> None:
    """Check every file that VERSION needs against its checksum."""
    reader = SnapshotReader(settings().snapshot_dir)
    reader.verify(version)
    links = ", ".join(str(manifest.version) for manifest in reader.chain(version))
    click.echo(f"{version} is sound (reads {links}).")


@snapshots.command()
@click.argument("version", type=int)
@_force
@_reason
@_timeout
def rollback(version: int, force: bool, reason: str, timeout: float) -> None:
    """Serve VERSION, an older one, until `resume`.

    \b
    Example:
      millstream snapshots rollback 41 --reason "click rate fell"
    """
    _serve("rollback", version, force, reason, timeout)


@snapshots.command()
@click.argument("version", type=int)
@_force
@_reason
@_timeout
def pin(version: int, force: bool, reason: str, timeout: float) -> None:
    """Serve VERSION, whichever, until `resume`."""
    _serve("pin", version, force, reason, timeout)


@snapshots.command()
@_reason
@_timeout
def pause(reason: str, timeout: float) -> None:
    """Go on serving what is served now, until `resume`."""
    states = _heard() or []
    served = Counter(state.version for state in states if state.version is not None)
    newest = SnapshotReader(settings().snapshot_dir).latest()
    _command("pause", max(served, default=newest), False, reason, timeout)


@snapshots.command()
@_reason
@_timeout
def resume(reason: str, timeout: float) -> None:
    """Lift `rollback`, `pin` and `pause`: serve what the trainer publishes."""
    _command("follow", None, False, reason, timeout)


_PAST = {
    "follow": "followed",
    "pause": "paused",
    "pin": "pinned",
    "rollback": "rolled back to",
}


def _serve(action: Action, version: int, force: bool, reason: str, timeout_s: float) -> None:
    """Choose a version, once it is known to be sound.

    Raises:
        SnapshotError: it is not, or it was held and that is not forced.
    """
    reader = SnapshotReader(settings().snapshot_dir)
    reader.verify(version)
    manifest = reader.manifest(version)
    if manifest.is_held and not force:
        raise SnapshotError(
            f"Snapshot {version} was held by the gate: {manifest.held_because}. "
            "To serve it all the same, add --force."
        )
    _command(action, version, force, reason, timeout_s)


def _command(
    action: Action, version: int | None, forced: bool, reason: str, timeout_s: float
) -> None:
    """Write the command down, and wait for every serving worker to obey it.

    Raises:
        LogUnavailable: it stands, but some worker, or all, did not acknowledge it.
    """
    root = settings().snapshot_dir
    control = Control(
        number=_next_number(),
        action=action,
        version=version,
        forced=forced,
        reason=reason,
        said_at=time.time(),
    )
    write_control(root, control)
    click.echo(_said(control))
    try:
        create_topics(settings())
        with ServingWorkers(settings()) as workers:
            workers.listen()
            missing = workers.wait_for(control, timeout_s)
            states = workers.listen(0.0)
    except LogUnavailable as error:
        raise LogUnavailable(f"The command stands, but nobody acknowledged it: {error}") from error
    click.echo(_standing(states))
    if missing:
        raise LogUnavailable(
            f"The command stands, but not acknowledged within {timeout_s:g} s by "
            + "; ".join(f"{state.worker} ({state.trouble or 'silent'})" for state in missing)
        )


def _next_number() -> int:
    """Number of the next command: above that of the one before, and of one that cannot be read."""
    try:
        return read_control(settings().snapshot_dir).number + 1
    except SnapshotError:
        return int(time.time())


def _heard() -> list[ServedState] | None:
    """How the serving workers stand; None where no broker answers."""
    try:
        with ServingWorkers(settings(), _LOOK_S) as workers:
            return workers.listen()
    except LogUnavailable:
        return None


def _said(control: Control) -> str:
    if control.follows:
        return "Serving follows what the trainer publishes."
    chosen = "what it has" if control.version is None else f"{control.version}"
    said = datetime.fromtimestamp(control.said_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"Serving stays at {chosen} until `millstream snapshots resume`: "
        f"{_PAST[control.action]} at {said} UTC ({control.reason})."
    )


def _standing(states: list[ServedState] | None) -> str:
    if states is None:
        return "No broker answers: what the serving workers serve is not known."
    lines = [
        f"{state.worker} serves {state.version or 'no snapshot'}"
        + (f" ({state.trouble})" if state.trouble else "")
        for state in states
    ]
    return "\n".join(lines) or "No serving worker runs."


def _cells(reader: SnapshotReader, version: int) -> tuple[str, ...]:
    """State, kind, time, examples and metrics of a version."""
    try:
        manifest = reader.manifest(version)
    except SnapshotError as error:
        return f"unreadable: {error}", "", "", "", ""
    created = datetime.fromtimestamp(manifest.created_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in sorted(manifest.metrics.items()))
    return _state(manifest), manifest.kind, created, f"{manifest.examples:,}", metrics


def _challengers(reader: SnapshotReader) -> Iterator[str]:
    """How far changed models had come at the newest snapshot."""
    for version in reversed(reader.versions()):
        with suppress(SnapshotError):
            manifest = reader.manifest(version)
            for role, own in manifest.extra.get("challengers", {}).items():
                yield f"{role} {own['model']['name']} is warmed up: {_standing_of(own, manifest)}."
            return


def _standing_of(challenger: dict[str, Any], manifest: Manifest) -> str:
    if not challenger["is_live"]:
        behind = max(manifest.offsets.values()) - challenger["offsets"]["offset"]
        return f"{behind:,} messages behind"
    worse = ", ".join(
        f"{name} worse by {mean:+.4f} ({low:+.4f} to {high:+.4f})"
        for name, (mean, low, high) in challenger["worse_by"].items()
    )
    return worse or f"{challenger['compared']:.0%} of the rows to compare it on are there"


def _state(manifest: Manifest) -> str:
    return f"held: {manifest.held_because}" if manifest.is_held else "published"
