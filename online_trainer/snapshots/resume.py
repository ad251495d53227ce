"""Find where to go on: the newest sound snapshot that this code and these settings can read."""

import logging
from typing import Any

from features.spec import spec_hash
from millstream.errors import SnapshotError
from millstream.snapshots import SnapshotReader
from online_trainer.snapshots import checkpoint
from online_trainer.snapshots.checkpoint import Base
from online_trainer.trainer import Trainer

log = logging.getLogger(__name__)


def resume(trainer: Trainer, reader: SnapshotReader, models: dict[str, Any]) -> Base | None:
    """Bring a fresh trainer to the newest usable snapshot.

    Args:
        models: configuration of each model, as the snapshot must have it.

    Returns:
        What the next delta builds on; None where the trainer starts from nothing.
    """
    for version in reversed(reader.versions()):
        if reason := _unusable(reader, version, models):
            log.warning("Snapshot %d is passed over: %s", version, reason)
            continue
        checkpoint.restore(trainer, reader, version)
        log.info(
            "Going on from snapshot %d: offset %d, %d examples.",
            version,
            trainer.offsets.offset,
            trainer.offsets.examples,
        )
        return Base(version, checkpoint.steps(trainer))
    log.info("There is no snapshot in %s: learning from the beginning.", reader.root)
    return None


def _unusable(reader: SnapshotReader, version: int, models: dict[str, Any]) -> str:
    """Why not; empty if it is usable."""
    try:
        reader.verify(version)
        manifest = reader.manifest(version)
        missing = checkpoint.missing_parts(reader.chain(version))
    except SnapshotError as error:
        return str(error)
    if manifest.is_held:
        return f"it was held by the gate: {manifest.held_because}"
    if missing:
        return f"it lacks what training needs: {', '.join(missing)}."
    if manifest.spec_hash != spec_hash():
        return f"it has other features ({manifest.spec_hash}, now {spec_hash()})."
    if manifest.models != models:
        return f"it has other models ({manifest.models}, now {models})."
    return ""
