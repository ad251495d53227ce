"""A ranker as it was in a snapshot: it only scores, and follows what is published."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from millstream.snapshots import Manifest, SnapshotReader
from millstream.snapshots.layout import dense_part, tables_part, training_part
from millstream.snapshots.signature import Signatures
from online_trainer.learners.batch import Batch
from online_trainer.learners.ranker import Ranker
from online_trainer.snapshots import checkpoint
from online_trainer.snapshots.checkpoint import Parts

MakeRanker = Callable[[Mapping[str, Any], Signatures], Ranker]

_PARTS = frozenset(part("ranker") for part in (dense_part, tables_part, training_part))


def ranker_parts(parts: Parts) -> Parts:
    """Those parts of a snapshot that a frozen ranker follows."""
    return {name: parts[name] for name in _PARTS}


class FrozenRankers:
    """One ranker, built when needed, that takes on the weights of one snapshot after the other.

    Args:
        reader: of the snapshots.
        make: a fresh ranker of a snapshot's models and inputs.
    """

    def __init__(self, reader: SnapshotReader, make: MakeRanker) -> None:
        self._reader, self._make = reader, make
        self._ranker: Ranker | None = None
        self._of: tuple[Any, Signatures] | None = None
        self._version: int | None = None

    def follow(self, manifest: Manifest, parts: Parts) -> None:
        """Take on a snapshot from memory: a full one, or one that builds on what this is at.

        Nothing is done where that is not the case: `scores` reads the snapshot from the disk.
        """
        if self._ranker is None or self._of != _network_of(manifest):
            return
        if manifest.kind == "full":
            self._ranker.tables = self._ranker.tables.emptied()
        elif manifest.parent != self._version:
            return
        checkpoint.update_ranker(self._ranker, parts)
        self._version = manifest.version

    def scores(self, manifest: Manifest, batch: Batch) -> np.ndarray:
        """(rows,) scores by the weights of a snapshot.

        Raises:
            SnapshotError: it cannot be read.
        """
        if self._ranker is None or self._of != _network_of(manifest):
            self._ranker = self._make(manifest.models, manifest.inputs)
            self._of, self._version = _network_of(manifest), None
        if self._version != manifest.version:
            self._version = None
            self._ranker.tables = self._ranker.tables.emptied()
            checkpoint.restore_ranker(self._ranker, self._reader, manifest.version)
            self._version = manifest.version
        return self._ranker.score(batch)


def _network_of(manifest: Manifest) -> tuple[Any, Signatures]:
    """Key of the network: equal ones are the same."""
    return manifest.models.get("ranker"), tuple(manifest.inputs)
