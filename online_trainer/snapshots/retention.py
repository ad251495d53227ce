"""Snapshot retention."""

import logging
from collections.abc import Sequence

from millstream.errors import SnapshotError
from millstream.snapshots import Manifest, SnapshotReader, SnapshotWriter, read_control

log = logging.getLogger(__name__)


def prune(writer: SnapshotWriter, reader: SnapshotReader, kept: int) -> None:
    """Remove what nothing needs; what cannot be read is left for a person to look at."""
    try:
        pinned = read_control(reader.root).version
    except SnapshotError as error:
        log.warning("No snapshot is removed, one of them may be pinned: %s", error)
        return
    manifests = []
    for version in reader.versions():
        try:
            manifests.append(reader.manifest(version))
        except SnapshotError as error:
            log.debug("Snapshot %d is left alone: %s", version, error)
    for version in removable(manifests, kept, reader.latest(), pinned):
        writer.remove(version)


def removable(
    manifests: Sequence[Manifest], kept: int, latest: int | None, pinned: int | None = None
) -> list[int]:
    """Versions that nothing needs, oldest first.

    The newest `kept` stay, and what `LATEST` points to, what an operator has pinned, and every
    baseline that is compared with; and of all these the chain that they are read with.

    Args:
        manifests: of all versions, oldest first.
        kept: at least 1.
        latest: the version that `LATEST` points to.
        pinned: the version that an operator has chosen to be served.
    """
    parents = {manifest.version: manifest.parent for manifest in manifests}
    needed = {manifest.version for manifest in manifests[-kept:]} | {latest, pinned}
    needed |= {manifest.extra.get("baseline_version") for manifest in manifests[-kept:]}
    todo = [version for version in needed if version in parents]
    while todo:
        parent = parents[todo.pop()]
        if parent in parents and parent not in needed:
            needed.add(parent)
            todo.append(parent)
    return [version for version in sorted(parents) if version not in needed]
