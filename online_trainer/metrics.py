"""Metrics that the trainer exports on `/metrics`."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from features.skew import Compared
from millstream.log_identity import CHANGES
from millstream.metrics import LATENCY_BUCKETS_S, add_build_info
from millstream.snapshots.announcement import Status
from millstream.snapshots.layout import Role
from online_trainer.challenge.metrics import ChallengerMetrics
from online_trainer.evaluation.lists import ProgressiveLists
from online_trainer.evaluation.progressive import METRICS, Comparison
from online_trainer.snapshots.publisher import Published
from online_trainer.trainer import Consumed, Trainer

_PREFIX = "millstream_trainer"


class TrainerMetrics:
    """The trainer's metrics in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        add_build_info("trainer", self.registry)
        self._examples = self._counter("examples", "Examples learnt from")
        self._rows = self._counter("rows_passed_over", "Rows not learnt from, by reason", "reason")
        for reason in ("repeated", "unsound", "other_task"):
            self._rows.labels(reason=reason)
        self._columns = self._counter(
            "other_columns",
            "Columns in which messages differ from the present features: ignored, or defaulted",
            "difference",
        )
        for difference in ("unknown", "missing"):
            self._columns.labels(difference=difference)
        self._refused = self._counter("messages_refused", "Messages refused, whole or in part")
        self._loss = self._gauge(
            "loss", "Loss of the ranker's newest step: log loss, or squared error of numbers"
        )
        self._retriever_loss = self._gauge("retriever_loss", "Loss of the retriever's newest step")
        self._hit_rate = self._gauge(
            "retriever_hit_rate", "Hit rate at 10 of the positives, newest step"
        )
        self._progressive = {
            name: self._gauge(
                f"progressive_{name}",
                f"Progressive {name}: scored before learnt from",
                "segment",
                "span",
                "task",
            )
            for name in {
                **{name: None for each in METRICS.values() for name in each},
                "gauc": None,
                "hit_rate": None,
            }
        }
        self._list_questions = self._counter(
            "list_questions", "Positives asked about before they were learnt from, for whole lists"
        )
        self._list_questions_before = 0
        self._lists = {
            name: self._gauge(name, f"{figure}@20 of the newest questions, by stage", "stage")
            for name, figure in (("list_hr", "HR"), ("list_ndcg", "NDCG"))
        }
        self._comparison = self._gauge(
            "comparison_auc", "AUC of the online and the frozen ranker over the same rows", "model"
        )
        self._compared = self._counter("compared_examples", "Examples scored by both rankers")
        self._compared_before = 0
        self._drift = self._gauge(
            "drift_bits",
            "Jensen-Shannon divergence of the newest examples from those before, by input, label "
            "and score",
            "feature",
        )
        self._skew = self._gauge(
            "skew_unequal_ratio",
            "Share of logged values that differ from those recomputed from the offline store",
            "feature",
        )
        self._skew_rows = self._counter(
            "skew_compared_rows", "Rows of shown items whose logged features were compared"
        )
        self._challengers = ChallengerMetrics(self.registry)
        self._step_s = self._histogram("message_seconds", "Time to learn from one message")
        self._learnt_s = self._histogram(
            "event_to_learnt_seconds", "Time from a probe event until learnt past"
        )
        self._example_s = self._histogram(
            "example_to_learnt_seconds", "Time from an example until learnt from"
        )
        self._table_rows = self._gauge("table_rows", "Embedding rows", "role")
        self._version = self._gauge("snapshot_version", "Version of the newest published snapshot")
        self._snapshot_examples = self._gauge(
            "snapshot_examples", "Examples learnt by the newest published snapshot"
        )
        self._created = self._gauge(
            "snapshot_created_timestamp_seconds", "Time of the newest published snapshot"
        )
        self._bytes = self._gauge("snapshot_bytes", "Size of the newest snapshot on disk", "kind")
        self._capture_s = self._histogram(
            "snapshot_taking_seconds", "Time that training stood still for a snapshot"
        )
        self._write_s = self._histogram(
            "snapshot_writing_seconds", "Time to write and announce a snapshot"
        )
        self._snapshots = self._counter(
            "snapshots", "Snapshots written, or gone back to, by status", "status"
        )
        for status in get_args(Status):
            self._snapshots.labels(status=status)
        self._failed = self._counter("snapshots_failed", "Snapshots that could not be written")
        self._log_changes = self._counter(
            "log_changes",
            "Changes of the input log, by kind: another log, cut, or a gap",
            "change",
        )
        self._missed = self._counter("missed_messages", "Messages removed before being read")
        self.log_changed((), 0)
        self._lag = self._gauge("lag_messages", "Messages of the input not learnt from yet")
        self._lag_s = self._gauge("lag_event_seconds", "Age of the newest event learnt from")

    def consumed(self, consumed: Consumed, seconds: float, now_s: float) -> None:
        """One message was worked on."""
        self._examples.inc(consumed.learnt)
        self._rows.labels(reason="repeated").inc(consumed.repeated)
        self._rows.labels(reason="unsound").inc(consumed.unsound)
        self._rows.labels(reason="other_task").inc(consumed.other_tasks)
        self._columns.labels(difference="unknown").inc(len(consumed.unknown))
        self._columns.labels(difference="missing").inc(len(consumed.missing))
        self._refused.inc(consumed.refused is not None)
        self._step_s.observe(seconds)
        for probe in consumed.probes:
            self._learnt_s.observe(max(now_s - probe.event_time, 0.0))
        for published_at in consumed.published_at:
            self._example_s.observe(max(now_s - published_at, 0.0))
        if consumed.ranked and consumed.ranked[-1].is_finite:
            self._loss.set(consumed.ranked[-1].loss)
        if consumed.retrieved and consumed.retrieved[-1].is_finite:
            self._retriever_loss.set(consumed.retrieved[-1].loss)
            self._hit_rate.set(consumed.retrieved[-1].hit_rate)

    def state(self, trainer: Trainer, lag_messages: int, now_s: float) -> None:
        """How the trainer stands; to be called about once a second."""
        for task, progress in trainer.progress_by_task.items():
            for (segment, span, name), value in progress.values().items():
                if not math.isnan(value):
                    self._progressive[name].labels(segment, span, task).set(value)
        if trainer.lists is not None:
            self._asked(trainer.lists)
        if trainer.baseline is not None and trainer.baseline.comparison.rows:
            self._compare(trainer.baseline.comparison)
        for role, learner in trainer.learners.items():
            self._table_rows.labels(role=role).set(len(learner.tables))
        for feature, bits in trainer.drift.values().items():
            self._drift.labels(feature=feature).set(bits)
        self._challengers.state(trainer)
        self._lag.set(lag_messages)
        self._lag_s.set(max(now_s - trainer.offsets.event_time, 0.0))

    def _asked(self, lists: ProgressiveLists) -> None:
        self._list_questions.inc(lists.questions - self._list_questions_before)
        self._list_questions_before = lists.questions
        for (name, stage), value in lists.values().items():
            self._lists[name].labels(stage=stage).set(value)

    def _compare(self, comparison: Comparison) -> None:
        self._compared.inc(comparison.rows - self._compared_before)
        self._compared_before = comparison.rows
        for model, value in comparison.values().items():
            self._comparison.labels(model=model).set(value)

    def snapshot(self, published: Published) -> None:
        """A snapshot was written."""
        manifest = published.manifest
        self._snapshots.labels(status=published.status).inc()
        self._bytes.labels(kind=manifest.kind).set(published.bytes)
        self._capture_s.observe(published.capture_s)
        self._write_s.observe(published.write_s)
        if published.status == "published":
            self._version.set(manifest.version)
            self._snapshot_examples.set(manifest.examples)
            self._created.set(manifest.created_at)

    def skew(self, compared: Mapping[str, Compared]) -> None:
        """Logged features were compared with recomputed ones, by feature."""
        for name, (rows, unequal) in compared.items():
            if rows:
                self._skew.labels(feature=name).set(unequal / rows)
        self._skew_rows.inc(max((each.rows for each in compared.values()), default=0))

    def fell_back(self) -> None:
        """Serving was sent back to an earlier snapshot."""
        self._snapshots.labels(status="rolled_back").inc()

    def promoted(self, roles: Sequence[Role]) -> None:
        """Challengers have taken over."""
        self._challengers.promoted(roles)

    def log_changed(self, changes: Collection[str], missed: int) -> None:
        """The input's log is not as it was."""
        for change in CHANGES:
            self._log_changes.labels(change=change).inc(change in changes)
        self._missed.inc(missed)

    def snapshot_failed(self) -> None:
        """A snapshot could not be written."""
        self._failed.inc()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: Sequence[float] = LATENCY_BUCKETS_S
    ) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", text, buckets=buckets, registry=self.registry)
