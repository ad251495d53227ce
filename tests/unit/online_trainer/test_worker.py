"""The loop with a source that is a list."""

from collections.abc import Iterator
from threading import Event

import pyarrow as pa
import pytest

from features.labels import TASKS
from millstream.clock import FakeClock
from millstream.settings import Settings
from millstream.snapshots import SnapshotReader, SnapshotWriter
from online_trainer.challenge.warm_up import WarmUp
from online_trainer.io.consumer import KafkaSender
from online_trainer.io.log import ConsumedMessage
from online_trainer.io.outbox import Outbox
from online_trainer.metrics import TrainerMetrics
from online_trainer.snapshots.capture import SnapshotBuilder
from online_trainer.snapshots.gate import Gate
from online_trainer.snapshots.publisher import Schedule, SnapshotPublisher
from online_trainer.worker import TrainerWorker
from tests.support.examples import START_S, example_message
from tests.unit.online_trainer.conftest import SETTINGS

ROWS = 50


class ListSource:
    """Gives its messages, then asks the worker to end."""

    lag = 3

    def __init__(self, messages: list[bytes], end: Event) -> None:
        self._messages, self._end = messages, end

    def poll(self, wait_s: float) -> Iterator[ConsumedMessage]:
        if not self._messages:
            self._end.set()
        messages, self._messages = self._messages, []
        return (ConsumedMessage(offset, value) for offset, value in enumerate(messages))

    def close(self) -> None:
        """Nothing to let go."""


@pytest.fixture
def ran(trainers, tmp_path):
    """Runs a worker over messages; its metrics, and what was refused."""

    def run(messages: list[bytes]) -> tuple[TrainerMetrics, list[tuple[int, str]]]:
        trainer, clock, metrics = trainers.fresh(), FakeClock(START_S + 100.0), TrainerMetrics()
        publisher = SnapshotPublisher(
            SnapshotBuilder(trainer, Gate(), "examples"),
            SnapshotWriter(tmp_path),
            SnapshotReader(tmp_path),
            lambda announcement: None,
            Schedule(every_s=1.0, full_every=5, kept=5),
            clock,
        )
        refused: list[tuple[int, str]] = []

        class Letters(Outbox):
            def refuse(self, offset: int, message: bytes, reason: str, now_s: float) -> None:
                refused.append((offset, reason))

        end = Event()
        consumer = ListSource(messages, end)
        warm_up = WarmUp(trainer, lambda offset: ListSource([], end), share=1.0)
        TrainerWorker(
            trainer,
            publisher,
            consumer,  # type: ignore[arg-type]
            Letters(KafkaSender(Settings())),
            metrics,
            clock,
            warm_up,
        ).run(end)
        return metrics, refused

    return run


def value(metrics: TrainerMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"millstream_trainer_{name}", labels)


def test_what_happened_is_exported(ran):
    metrics, refused = ran([example_message(0, ROWS), b"nonsense", example_message(0, ROWS)])
    assert value(metrics, "examples_total") == ROWS
    assert value(metrics, "rows_passed_over_total", reason="repeated") == ROWS
    assert value(metrics, "messages_refused_total") == 1
    assert value(metrics, "example_to_learnt_seconds_count") == ROWS
    assert value(metrics, "lag_messages") == 3
    assert value(metrics, "snapshots_total", status="published") == 1
    assert value(metrics, "snapshot_version") == 1
    assert refused == [(1, refused[0][1])]
    assert "Arrow" in refused[0][1]


def test_the_lag_is_told_before_the_first_message(ran, monkeypatch):
    told = []

    def state(self, trainer, lag, now_s):
        told.append((lag, trainer.offsets.examples))

    monkeypatch.setattr(TrainerMetrics, "state", state)
    ran([example_message(0, ROWS)])
    assert told == [(3, 0), (3, ROWS)]


def test_quality_is_exported_by_segment_and_span(ran):
    metrics, _ = ran([example_message(number, ROWS) for number in range(3)])
    for span in ("overall", "window"):
        auc = value(metrics, "progressive_auc", segment="new_user", span=span, task=TASKS[0].name)
        assert auc is not None and 0 <= auc <= 1
    of_all = {"segment": "all", "span": "window", "task": TASKS[0].name}
    assert value(metrics, "progressive_gauc", **of_all) is not None
    assert value(metrics, "progressive_hit_rate", **of_all) is not None


def test_what_was_learnt_last_is_published_at_the_end(ran, tmp_path):
    ran([example_message(number, ROWS) for number in range(3)])
    reader = SnapshotReader(tmp_path)
    assert reader.manifest(reader.latest() or 0).offsets == {"examples-0": 3}
    assert SETTINGS.batch_size > ROWS


def test_columns_that_messages_have_besides_are_logged_once(ran, caplog):
    caplog.set_level("INFO", "online_trainer.worker")
    more = {"item_glow": pa.array([1.0] * ROWS)}
    ran([example_message(number, ROWS, changes=more) for number in range(3)])
    expected = "Columns ignored: item_glow. Features at their defaults: none."
    assert caplog.messages.count(expected) == 1
