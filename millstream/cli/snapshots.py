"""`millstream snapshots`: what the trainer has published, and the way back."""

import time
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.table import Table

from millstream.kafka import producer
from millstream.settings import settings
from millstream.snapshots import Announcement, Manifest, SnapshotReader, SnapshotWriter
from millstream.topics import SNAPSHOTS


@click.group()
def snapshots() -> None:
    """List, check and roll back snapshots."""


@snapshots.command("list")
def list_snapshots() -> None:
    """Show the snapshots on disk, newest first."""
    reader = SnapshotReader(settings().snapshot_dir)
    latest = reader.latest()
    table = Table("", "version", "kind", "created (UTC)", "examples", "metrics")
    for version in reversed(reader.versions()):
        manifest = reader.manifest(version)
        table.add_row("*" if version == latest else "", str(version), *_cells(manifest))
    Console().print(table)
    click.echo(f"* is what LATEST points to. In {settings().snapshot_dir}")


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
@click.option("--reason", default="by hand", show_default=True, help="Said in the announcement.")
def rollback(version: int, reason: str) -> None:
    """Serve VERSION, an older one, until the trainer publishes a newer snapshot.

    \b
    Example:
      millstream snapshots rollback 41 --reason "click rate fell"
    """
    reader = SnapshotReader(settings().snapshot_dir)
    reader.verify(version)
    announcement = _announcement(reader, version, reason)
    client = producer(settings())
    client.send(settings().topic(SNAPSHOTS), announcement.encode(), key=str(version).encode())
    client.close()
    SnapshotWriter(settings().snapshot_dir).point_latest(version)
    click.echo(f"Serving workers are told to serve {version}.")


def _announcement(reader: SnapshotReader, version: int, reason: str) -> Announcement:
    manifest = reader.manifest(version)
    return Announcement(
        version=version,
        status="rolled_back",
        kind=manifest.kind,
        parent=manifest.parent,
        path=str(reader.directory(version)),
        created_at=time.time(),
        reason=reason,
    )


def _cells(manifest: Manifest) -> tuple[str, ...]:
    created = datetime.fromtimestamp(manifest.created_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in sorted(manifest.metrics.items()))
    return manifest.kind, created, f"{manifest.examples:,}", metrics
