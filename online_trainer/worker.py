"""The loop of the trainer's process: poll, learn, tell, publish."""

import logging
import time
from threading import Event

from millstream.clock import Clock
from online_trainer.challenge.warm_up import WarmUp
from online_trainer.evaluation.skew_check import SkewCheck
from online_trainer.io.log import ConsumedMessage, Examples
from online_trainer.io.outbox import Outbox
from online_trainer.metrics import TrainerMetrics
from online_trainer.snapshots.publisher import SnapshotPublisher
from online_trainer.trainer import Consumed, Trainer

log = logging.getLogger(__name__)

_POLL_S = 0.2
_STATE_EVERY_S = 1.0


class TrainerWorker:
    """Feeds messages to the trainer until it is asked to end.

    Args:
        trainer: learns.
        publisher: of its snapshots.
        consumer: of its messages.
        outbox: takes what was refused.
        metrics: of all of it.
        clock: the time of day.
        warm_up: of challengers.
        skew: compares logged features with recomputed ones; None compares nothing.
    """

    def __init__(
        self,
        trainer: Trainer,
        publisher: SnapshotPublisher,
        consumer: Examples,
        outbox: Outbox,
        metrics: TrainerMetrics,
        clock: Clock,
        warm_up: WarmUp,
        skew: SkewCheck | None = None,
    ) -> None:
        self._trainer, self._publisher, self._consumer = trainer, publisher, consumer
        self._outbox, self._metrics, self._clock = outbox, metrics, clock
        self._warm_up, self._skew = warm_up, skew
        self._told_at = 0.0
        self._differences: tuple[list[str], list[str]] = ([], [])

    def run(self, asked_to_end: Event) -> None:
        """Work until asked to end; what was learnt last is published before."""
        # The first message may take long: how many wait is known now.
        self._metrics.state(self._trainer, self._consumer.lag, self._clock.now())
        while not asked_to_end.is_set():
            spent_s = 0.0
            for message in self._consumer.poll(0.0 if self._warm_up.waiting else _POLL_S):
                spent_s += self._work(message)
                self._between()
                if asked_to_end.is_set():
                    break
            self._between()
            if not asked_to_end.is_set():
                self._warm_up.work(spent_s, idle_s=_POLL_S)
        if published := self._publisher.finish():
            self._metrics.snapshot(published)
        log.info("Ended after %d examples.", self._trainer.offsets.examples)

    def _work(self, message: ConsumedMessage) -> float:
        """Learn from a message; returns the seconds that it took."""
        start = time.perf_counter()
        consumed = self._trainer.consume(message.value, message.offset)
        now_s = self._clock.now()
        if consumed.refused is not None:
            self._outbox.refuse(message.offset, message.value, consumed.refused, now_s)
        self._note_columns(consumed)
        if self._skew is not None:
            self._skew.note(consumed.shown)
        self._publisher.passed(consumed.probes)
        seconds = time.perf_counter() - start
        self._metrics.consumed(consumed, seconds, now_s)
        return seconds

    def _note_columns(self, consumed: Consumed) -> None:
        """Log in what messages differ from the features, each time that it changes."""
        differences = (consumed.unknown, consumed.missing)
        if differences != self._differences:
            self._differences = differences
            unknown, missing = (", ".join(names) or "none" for names in differences)
            log.info("Columns ignored: %s. Features at their defaults: %s.", unknown, missing)

    def _between(self) -> None:
        if published := self._publisher.tick():
            self._metrics.snapshot(published)
        now_s = self._clock.now()
        if now_s - self._told_at >= _STATE_EVERY_S:
            self._told_at = now_s
            self._metrics.state(self._trainer, self._consumer.lag, now_s)
            if self._skew is not None:
                self._metrics.skew(self._skew.tick(now_s))
