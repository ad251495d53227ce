"""The numbers and parents of a trainer's snapshots: none is used twice, none builds on a ruin."""

import logging
from dataclasses import dataclass

from millstream.errors import SnapshotError
from millstream.snapshots import SnapshotReader
from millstream.snapshots.reader import Traces
from online_trainer.snapshots.checkpoint import Base

log = logging.getLogger(__name__)


@dataclass
class Lineage:
    """Version of the next snapshot, and the parent it may build on.

    Args:
        reader: of the snapshot directory.
        base: the newest published snapshot, or the one that the trainer went on from.
        announced: the highest version that was ever announced, as far as is known.
        deltas: since the last full snapshot.
    """

    reader: SnapshotReader
    base: Base | None = None
    announced: int = 0
    deltas: int = 0

    def __post_init__(self) -> None:
        self._traces: Traces = () if self.base is None else self._found(self.base.version)

    def next_version(self) -> int:
        """A number that no snapshot has ever had, whatever was deleted since."""
        base = 0 if self.base is None else self.base.version
        return max(base, self.reader.highest(), self.announced) + 1

    def parent(self, full_every: int) -> Base | None:
        """Parent of a delta; None where a full snapshot is due.

        It is due every so many snapshots, after a change of the inputs, and where the disk no
        longer has the base, and what that is read together with, as they were written.
        """
        if self.base is None or not self.base.takes_deltas or self.deltas + 1 >= full_every:
            return None
        if self._traces and self._found(self.base.version) == self._traces:
            return self.base
        log.warning("Snapshot %d is not as it was written: a full one follows.", self.base.version)
        return None

    def break_off(self) -> None:
        """Let the next snapshot be a full one: the trainer's networks are others now."""
        if self.base is not None:
            self.base = self.base._replace(takes_deltas=False)

    def built(self, base: Base, traces: Traces, *, is_full: bool) -> None:
        """A snapshot was published: the next delta follows it."""
        self.base, self._traces = base, traces
        self.deltas = 0 if is_full else self.deltas + 1

    def _found(self, version: int) -> Traces:
        """Traces of a version on disk; empty where a file is missing."""
        try:
            return self.reader.traces(version)
        except SnapshotError:
            return ()
