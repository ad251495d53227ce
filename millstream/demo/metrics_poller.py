"""Samples of the workers' metrics, taken twice a second."""

import threading
import time
from dataclasses import dataclass

from millstream.scraping import Scrape

FRESHNESS = {
    "event → feature": ("stream", "millstream_stream_event_to_feature_seconds"),
    "event → learnt": ("trainer", "millstream_trainer_event_to_learnt_seconds"),
    "event → served weights": ("serving", "millstream_serving_event_to_weights_seconds"),
    "item → retrievable": ("serving", "millstream_serving_item_to_retrievable_seconds"),
}


@dataclass(frozen=True)
class MetricsSample:
    """All workers at one moment.

    Args:
        at_s: monotonic seconds.
        auc_online: progressive AUC of the learner since the first snapshot, None before.
        auc_frozen: of the same model as it was at the first snapshot, on the same examples.
        freshness_s: (p50, p99) in seconds by what is measured; None where nothing was.
    """

    at_s: float
    events: float
    examples: float
    loss: float | None
    auc_online: float | None
    auc_frozen: float | None
    compared: float
    trained_version: float | None
    served_version: float | None
    snapshot_age_s: float | None
    trained_through_age_s: float | None
    table_rows: float
    freshness_s: dict[str, tuple[float | None, float | None]]

    @classmethod
    def now(cls, urls: dict[str, str]) -> "MetricsSample":
        scrapes = {name: Scrape.of(url) for name, url in urls.items()}
        stream, trainer, serving = (scrapes[name] for name in ("stream", "trainer", "serving"))
        return cls(
            at_s=time.monotonic(),
            events=stream.total("millstream_stream_events_total", kind="interaction"),
            examples=trainer.total("millstream_trainer_examples_total"),
            loss=trainer.value("millstream_trainer_loss"),
            auc_online=trainer.value("millstream_trainer_comparison_auc", model="online"),
            auc_frozen=trainer.value("millstream_trainer_comparison_auc", model="frozen"),
            compared=trainer.total("millstream_trainer_compared_examples_total"),
            trained_version=trainer.value("millstream_trainer_snapshot_version"),
            served_version=serving.value("millstream_serving_snapshot_version"),
            snapshot_age_s=serving.value("millstream_serving_snapshot_age_seconds"),
            trained_through_age_s=serving.value("millstream_serving_trained_through_age_seconds"),
            table_rows=trainer.total("millstream_trainer_table_rows"),
            freshness_s=freshness_s(scrapes),
        )


def freshness_s(scrapes: dict[str, Scrape]) -> dict[str, tuple[float | None, float | None]]:
    """(p50, p99) in seconds by what is measured; None where nothing was.

    Args:
        scrapes: of the workers, by name.
    """
    return {
        what: (scrapes[worker].quantile(name, 0.5), scrapes[worker].quantile(name, 0.99))
        for what, (worker, name) in FRESHNESS.items()
    }


class MetricsPoller(threading.Thread):
    """Reads until `stop`; `samples` grows.

    Args:
        urls: the `/metrics` of each worker.
        every_s: seconds between two readings.
    """

    def __init__(self, urls: dict[str, str], every_s: float = 0.5) -> None:
        super().__init__(name="metrics-poller", daemon=True)
        self.samples: list[MetricsSample] = []
        self._urls, self._every_s = urls, every_s
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(self._every_s):
            self.samples.append(MetricsSample.now(self._urls))

    def stop(self) -> None:
        """End, with one last reading."""
        self._stopped.set()
        self.join()
        self.samples.append(MetricsSample.now(self._urls))

    @property
    def newest(self) -> MetricsSample | None:
        return self.samples[-1] if self.samples else None

    def per_second(self, name: str, over: int = 10) -> float:
        """How quickly the counter `name` has risen over the last `over` readings."""
        recent = self.samples[-over:]
        if len(recent) < 2:
            return 0.0
        rise = getattr(recent[-1], name) - getattr(recent[0], name)
        return max(rise, 0.0) / (recent[-1].at_s - recent[0].at_s)

    def is_quiet(self, events: int, over: int = 6) -> bool:
        """True if all `events` have come in and the examples have stopped rising."""
        recent = self.samples[-over:]
        return (
            len(recent) == over
            and recent[-1].events >= events
            and recent[-1].examples == recent[0].examples
        )
