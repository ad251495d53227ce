"""The first snapshot of an installation, learnt from the past by the trainer's cores."""

from math import inf

from millstream.clock import Clock
from millstream.settings import Settings
from millstream.snapshots import Announcement, SnapshotReader, SnapshotWriter
from millstream.topics import EXAMPLES
from online_trainer.snapshots.capture import SnapshotBuilder
from online_trainer.snapshots.gate import Gate
from online_trainer.snapshots.publisher import Published, Schedule, SnapshotPublisher
from online_trainer.wiring import Wiring
from simulation.inline import Inline


class FirstSnapshot:
    """A trainer that learns from the past.

    Args:
        settings: of the installation; the snapshot goes to its `snapshot_dir`.
        clock: the time of day.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self.trainer = Wiring(settings).trainer()
        self._messages = 0

    @property
    def examples(self) -> int:
        """How many have been learnt from."""
        return self.trainer.offsets.examples

    def learn(self, message: bytes) -> None:
        """Learn from a message of topic `examples` that was never in it."""
        self.trainer.consume(message, self._messages)
        self._messages += 1

    def publish(self, log: str, offset: int) -> Published | None:
        """Write the snapshot; None where nothing was learnt, or where it could not be written.

        A trainer that goes on from it begins at an offset of the topic as it is now. It tells the
        other processes of the snapshot.

        Args:
            log: which log the topic `examples` is.
            offset: of the message that comes next.
        """
        settings, offsets = self._settings, self.trainer.offsets
        if not self.examples:
            return None
        offsets.begin(log, offset - 1, is_other=False)  # so that what was learnt is news
        publisher = SnapshotPublisher(
            SnapshotBuilder(self.trainer, Gate(), settings.topic(EXAMPLES)),
            SnapshotWriter(settings.snapshot_dir),
            SnapshotReader(settings.snapshot_dir),
            _untold,
            Schedule(inf, settings.full_snapshot_every, settings.snapshots_kept),
            self._clock,
            executor=Inline(),
        )
        offsets.begin(log, offset, is_other=False)
        return publisher.finish()


def _untold(announcement: Announcement) -> None:
    """The trainer that goes on from the snapshot announces it."""
