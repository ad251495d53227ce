"""Announcements of snapshots, and the way back to an earlier one."""

import logging

from millstream.errors import SnapshotError
from millstream.snapshots import (
    Announcement,
    Manifest,
    SnapshotReader,
    SnapshotWriter,
    read_control,
)
from millstream.snapshots.announcement import Status
from millstream.snapshots.withdrawn import withdraw
from online_trainer.snapshots.judge import Judge

log = logging.getLogger(__name__)


def announcement(
    manifest: Manifest, status: Status, path: str, now_s: float, reason: str = ""
) -> Announcement:
    """Message for serving and for people."""
    return Announcement(
        version=manifest.version,
        status=status,
        kind=manifest.kind,
        path=path,
        created_at=now_s,
        parent=manifest.parent,
        trained_through_event_time=manifest.trained_through_event_time,
        metrics=manifest.metrics,
        reason=reason,
    )


def fall_back(
    judge: Judge, examples: int, writer: SnapshotWriter, reader: SnapshotReader, now_s: float
) -> Announcement | None:
    """Go back from a served snapshot that has turned bad; what is to be told, or None.

    All that was published after the one that is gone back to is withdrawn. While an operator has
    chosen a version, nothing is done.
    """
    served, found = judge.served, judge.fall_back(examples)
    if served is None or found is None:
        return None
    between = range(found.to.version + 1, served.version + 1)
    try:
        if not read_control(reader.root).follows:
            return None
        bad = [version for version in reader.versions() if version in between]
        withdraw(reader.root, dict.fromkeys(bad, f"withdrawn: {found.reason}"))
        writer.point_latest(found.to.version)
    except SnapshotError as error:
        log.error("Snapshot %d is not gone back from: %s", served.version, error)
        return None
    judge.went_back(found.to)
    log.error(
        "Snapshot %d is rolled back to %d: %s", served.version, found.to.version, found.reason
    )
    path = str(reader.directory(found.to.version))
    return announcement(found.to, "rolled_back", path, now_s, found.reason)
