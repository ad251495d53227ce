"""The trainer as a process: settings to objects, run until a signal."""

import logging
import signal
from math import inf
from threading import Event

from millstream import logs
from millstream.clock import SystemClock
from millstream.errors import LogUnavailable
from millstream.log_identity import TopicLog, begin
from millstream.metrics import serve_metrics
from millstream.settings import Settings
from millstream.snapshots import Announcement, SnapshotReader, SnapshotWriter
from millstream.threads import one_blas_thread
from millstream.topics import EXAMPLES
from online_trainer.challenge.warm_up import WarmUp
from online_trainer.evaluation.skew_check import SkewCheck
from online_trainer.io.consumer import KafkaLog
from online_trainer.io.log import Examples, TrainerLog
from online_trainer.io.offsets import Offsets
from online_trainer.io.outbox import Outbox
from online_trainer.metrics import TrainerMetrics
from online_trainer.snapshots.capture import SnapshotBuilder
from online_trainer.snapshots.gate import Gate
from online_trainer.snapshots.lineage import Lineage
from online_trainer.snapshots.publisher import Schedule, SnapshotPublisher
from online_trainer.snapshots.resume import resume
from online_trainer.trainer import Trainer
from online_trainer.wiring import Wiring
from online_trainer.worker import TrainerWorker

log = logging.getLogger(__name__)

_RECONNECT_S = 2.0


def main(
    chosen: Settings, *, frozen_baseline: bool = False, examples_log: TrainerLog | None = None
) -> None:
    """Run the trainer until SIGTERM or SIGINT.

    Args:
        chosen: the settings.
        frozen_baseline: keep the ranker as it was at the first snapshot, and compare.
        examples_log: its input and output; None is Kafka.
    """
    logs.configure(chosen.log_level, chosen.log_style)
    one_blas_thread()
    asked_to_end = _asked_to_end()
    metrics = TrainerMetrics()
    serve_metrics(chosen.trainer_metrics_port, chosen.host, metrics.registry)
    own_log = examples_log or KafkaLog(chosen)
    wiring, outbox = Wiring(chosen), Outbox(own_log.sender())
    trainer = wiring.trainer(frozen_baseline=frozen_baseline)
    publisher = _publisher(chosen, wiring, trainer, outbox)
    publisher.on_failure = metrics.snapshot_failed
    publisher.on_promotion = metrics.promoted
    publisher.on_fall_back = metrics.fell_back
    consumer = _connected(
        chosen, own_log, trainer.offsets, publisher.lineage, metrics, asked_to_end
    )
    if consumer is None:
        return
    publisher.reannounce()
    log.info("Learning from %s.", chosen.topic(EXAMPLES))
    every_s = chosen.skew_interval_s
    skew = SkewCheck(chosen.offline_dir, every_s) if every_s else None
    warm_up = WarmUp(trainer, own_log.examples, chosen.challenger_share)
    try:
        TrainerWorker(
            trainer, publisher, consumer, outbox, metrics, SystemClock(), warm_up, skew
        ).run(asked_to_end)
    finally:
        if skew is not None:
            skew.close()
        warm_up.close()
        consumer.close()
        outbox.close()


def _publisher(
    chosen: Settings, wiring: Wiring, trainer: Trainer, outbox: Outbox
) -> SnapshotPublisher:
    """Resumes the trainer, and publishes from there."""
    reader, writer = SnapshotReader(chosen.snapshot_dir), SnapshotWriter(chosen.snapshot_dir)
    if leftovers := writer.clear_leftovers():
        log.info("Removed %d snapshots that a trainer before left half-written.", leftovers)
    base = resume(trainer, reader, wiring)
    gate, judge = Gate.of(chosen), wiring.judge(trainer, reader)
    if judge is not None:
        judge.resume()

    def announce(announcement: Announcement) -> None:
        outbox.announce(announcement)
        outbox.flush()

    return SnapshotPublisher(
        SnapshotBuilder(trainer, gate, chosen.topic(EXAMPLES), judge),
        writer,
        reader,
        announce,
        Schedule(
            every_s=chosen.snapshot_interval_s,
            full_every=chosen.full_snapshot_every,
            kept=chosen.snapshots_kept,
            first_after=chosen.first_snapshot_examples,
            every_examples=chosen.snapshot_interval_examples or inf,
        ),
        SystemClock(),
        base,
    )


def _connected(
    chosen: Settings,
    own_log: TrainerLog,
    offsets: Offsets,
    lineage: Lineage,
    metrics: TrainerMetrics,
    asked_to_end: Event,
) -> Examples | None:
    """The consumer, as soon as a broker answers; None if asked to end before.

    Raises:
        LogChanged: the input is another log, and the settings say that this stops the trainer.
    """
    while not asked_to_end.is_set():
        try:
            _settle(chosen, own_log.prepare(), offsets, metrics)
            consumer = own_log.examples(offsets.offset)
            lineage.announced = consumer.announced()
            return consumer
        except LogUnavailable as error:
            log.warning("%s. Will try again in %gs.", error, _RECONNECT_S)
            asked_to_end.wait(_RECONNECT_S)
    return None


def _settle(chosen: Settings, now: TopicLog, offsets: Offsets, metrics: TrainerMetrics) -> None:
    """Compare the position with the log as it is now."""
    reached = {0: offsets.offset} if offsets.offset else {}
    found = begin(chosen, EXAMPLES, now, offsets.log, reached)
    metrics.log_changed(found.changes, found.missed)
    offset = found.positions.get(0, now.begins.get(0, 0))
    offsets.begin(found.identity, offset, is_other="other" in found.changes)


def _asked_to_end() -> Event:
    event = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: event.set())
    return event
