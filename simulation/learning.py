"""The trainer's cores, composed as its process composes them, with snapshots taken at set times."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf

from millstream.clock import Clock
from millstream.settings import Settings
from millstream.snapshots import Announcement, SnapshotReader, SnapshotWriter
from millstream.topics import EXAMPLES
from online_trainer.snapshots.capture import SnapshotBuilder
from online_trainer.snapshots.gate import Gate
from online_trainer.snapshots.publisher import Schedule, SnapshotPublisher
from online_trainer.wiring import Wiring
from simulation.broker import Delivered
from simulation.inline import Inline


class Learning:
    """The trainer and the publisher of its snapshots.

    Args:
        settings: of the installation; snapshots go to its `snapshot_dir`.
        clock: simulated.
        every_s: between two snapshots, simulated seconds.
        announce: told of each.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        every_s: float,
        announce: Callable[[Announcement], None],
    ) -> None:
        wiring, reader = Wiring(settings), SnapshotReader(settings.snapshot_dir)
        self.trainer = wiring.trainer()
        self.refused: list[str] = []
        self.publisher = SnapshotPublisher(
            SnapshotBuilder(
                self.trainer,
                Gate.of(settings),
                settings.topic(EXAMPLES),
                wiring.judge(self.trainer, reader),
            ),
            SnapshotWriter(settings.snapshot_dir),
            reader,
            announce,
            Schedule(
                every_s=every_s,
                full_every=settings.full_snapshot_every,
                kept=settings.snapshots_kept,
                first_after=settings.first_snapshot_examples,
                every_examples=settings.snapshot_interval_examples or inf,
            ),
            clock,
            executor=Inline(),
        )

    def consume(self, messages: Iterable[Delivered]) -> None:
        """Learn from messages of topic `examples`, and take the snapshot that is due."""
        for message in messages:
            consumed = self.trainer.consume(message.value or b"", message.offset)
            if consumed.refused is not None:
                self.refused.append(consumed.refused)
            self.publisher.passed(consumed.probes)
        self.publisher.tick()

    def publish(self) -> None:
        """Take a snapshot now, if anything was learnt since the last one."""
        usual = self.publisher.schedule
        self.publisher.tick()  # what was written before is collected
        self.publisher.schedule = replace(usual, every_s=0.0)
        self.publisher.tick()
        self.publisher.schedule = usual
