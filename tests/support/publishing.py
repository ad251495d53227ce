"""Publishing a trainer's snapshots in a test, one after every message."""

from collections.abc import Iterable
from pathlib import Path

from millstream.clock import FakeClock
from millstream.snapshots import Announcement, SnapshotReader, SnapshotWriter
from online_trainer.snapshots.capture import SnapshotBuilder
from online_trainer.snapshots.checkpoint import Base
from online_trainer.snapshots.gate import Gate
from online_trainer.snapshots.judge import Judge
from online_trainer.snapshots.publisher import Schedule, SnapshotPublisher
from online_trainer.trainer import Trainer
from tests.support.eventually import eventually
from tests.support.examples import example_message


class Publishing:
    """A publisher of a trainer with a clock of its own; a snapshot is due every second.

    Args:
        rows: of a message.
        message_s: seconds that a message takes.
        **schedule: see `Schedule`.
    """

    def __init__(
        self,
        trainer: Trainer,
        folder: Path,
        base: Base | None = None,
        gate: Gate | None = None,
        judge: Judge | None = None,
        rows: int = 120,
        message_s: float = 1.0,
        **schedule: int,
    ) -> None:
        self.said: list[Announcement] = []
        self.clock = FakeClock()
        self.trainer, self._rows, self._message_s = trainer, rows, message_s
        self.publisher = SnapshotPublisher(
            SnapshotBuilder(trainer, gate or Gate(), "examples", judge),
            SnapshotWriter(folder),
            SnapshotReader(folder),
            self.said.append,
            Schedule(every_s=1.0, **{"full_every": 3, "kept": 50, **schedule}),
            self.clock,
            base,
        )

    def learn(self, numbers: Iterable[int]) -> None:
        """Consume, and publish after each message."""
        for number in numbers:
            self.trainer.consume(example_message(number, self._rows), number)
            self.publish()

    def publish(self) -> None:
        """Take a snapshot, and wait until it is written or has failed."""
        self.clock.advance(self._message_s)
        self.publisher.tick()
        eventually(self._is_written, "the snapshot to be written")

    def _is_written(self) -> bool:
        self.publisher.tick()
        return not self.publisher.is_writing
