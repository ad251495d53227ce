"""Metrics of the stream worker, `millstream_stream_*`."""

from collections.abc import Collection, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from features.labels import TASKS
from features.spec import VIEWS
from millstream.log_identity import CHANGES
from millstream.metrics import LATENCY_BUCKETS_S, add_build_info, start_at_zero
from millstream.topics import (
    BY_USER,
    DEAD_LETTERS,
    EXAMPLES,
    FEATURES,
    IMPRESSIONS,
    INTERACTIONS,
    ITEMS,
    TOUCHES,
    USERS,
)
from stream.ingest.records import TopicPartition
from stream.outputs.effects import Effects
from stream.outputs.examples import ORIGINS
from stream.state.memory import Memory
from stream.state.open_windows import REASONS

KINDS: Mapping[str, str] = {
    INTERACTIONS.name: "interaction",
    IMPRESSIONS.name: "impression",
    ITEMS.name: "item",
    USERS.name: "user",
}
# What the stream makes of an event: `docs/stream.md` explains each.
_ALWAYS = ("duplicate", "refused")
OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "interaction": ("organic", "joined", "settled", "unlabelled", "late", *_ALWAYS),
    "impression": ("waiting", *_ALWAYS),
    "item": ("upserted", "deleted", *_ALWAYS),
    "user": ("upserted", "erased", *_ALWAYS),
}
TOUCHED = ("new", "again")
PARTS = ("kafka", "redis", "offline")
CHUNK_BUCKETS = (1, 10, 30, 100, 300, 1_000, 3_000, 10_000)


class StreamMetrics:
    """Metrics in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        add_build_info("stream", registry)
        self.events = self._counter(
            "events", "Events by kind and outcome, probes included", ["kind", "outcome"]
        )
        self.examples = self._counter("examples", "Examples published, by origin", ["origin"])
        self.feature_rows = self._counter(
            "feature_rows", "Feature rows written to Redis, by view", ["view"]
        )
        self.dead_letters = self._counter(
            "dead_letters", "Messages sent to the dead letters, by source topic", ["topic"]
        )
        self.dropped = self._counter(
            "dropped", "Messages given up because Kafka refuses them for good, by topic", ["topic"]
        )
        self.unknown_fields = self._counter(
            "unknown_fields", "Events with fields or attributes that nothing takes", []
        )
        self.moved = self._counter(
            "moved", "Events moved to the partition of their user, by topic", ["topic"]
        )
        self.touches = self._counter(
            "touches",
            "Interactions that reached the items' side, by outcome; `again` after a crash",
            ["outcome"],
        )
        self.joined = self._counter("joined", "Shown items that received feedback", [])
        self.late = self._counter(
            "late_feedback",
            "Feedback on a list that is kept, after the window of a task, by task",
            ["task"],
        )
        self.trouble = self._counter(
            "trouble", "Failed attempts to reach Kafka, Redis or the offline store", ["part"]
        )
        self.offline_rows = self._counter(
            "offline_rows", "Feature rows appended to Parquet part files, by view", ["view"]
        )
        self.left_out = self._counter(
            "left_out_offsets", "Offsets that were gone before they were read, by topic", ["topic"]
        )
        self.lists_closed = self._counter("lists_closed", "Lists closed, by reason", ["reason"])
        self.log_changes = self._counter(
            "log_changes", "Topics found to be other logs, cut, or overtaken", ["topic", "change"]
        )
        self.missed = self._counter(
            "missed_records", "Records removed before being read, by topic", ["topic"]
        )
        self._add_times()
        self._add_gauges()
        self._start_at_zero()

    def _add_times(self) -> None:
        self.batch_events = self._histogram("batch_events", "Events per batch", CHUNK_BUCKETS)
        self.batch_seconds = self._seconds("batch_seconds", "Processing time of a batch")
        self.publish_seconds = self._seconds(
            "publish_seconds", "Time to publish a batch to Kafka, until it is acknowledged"
        )
        self.commit_seconds = self._seconds("commit_seconds", "Time to commit a batch to Redis")
        self.event_to_feature = self._seconds(
            "event_to_feature_seconds", "Age of a probe event when its features are in Redis"
        )

    def _add_gauges(self) -> None:
        self.watermark_lag = self._gauge(
            "watermark_lag_seconds", "Seconds from the watermark to the clock"
        )
        self.pending = self._gauge("pending_impressions", "Lists whose join window is open")
        self.ready = self._gauge("ready", "1 while this worker reads and works, 0 before it does")
        self.shards = self._gauge(
            "shards",
            "Partitions of users that are assigned to this worker, and one more for the items",
        )
        self.join_bytes = self._gauge("join_bytes", "Memory of lists whose join window is open")
        self.join_window = self._gauge(
            "join_window_held_seconds", "Join window that the memory for lists allows"
        )
        self.dedupe_bytes = self._gauge("dedupe_bytes", "Memory of remembered event ids")
        self.dedupe_window = self._gauge(
            "dedupe_window_held_seconds", "Minimum time for which event ids are remembered"
        )
        self.dedupe_window_asked = self._gauge(
            "dedupe_window_seconds", "Time for which event ids are to be remembered"
        )
        self.cached = self._gauge(
            "cached_entities", "Users and items whose state is in memory", ["entity"]
        )
        self.lag = self._gauge(
            "lag_records",
            "Records on the broker that are not yet processed",
            ["topic", "partition"],
        )

    def _start_at_zero(self) -> None:
        """Export every label value that is known: the first incident must show as a rise."""
        for kind, outcomes in OUTCOMES.items():
            start_at_zero(self.events, [kind], outcomes)
        start_at_zero(self.examples, ORIGINS)
        start_at_zero(self.late, [task.name for task in TASKS])
        views = [view.name for view in VIEWS]
        start_at_zero(self.feature_rows, views)
        start_at_zero(self.offline_rows, views)
        read = [*KINDS, TOUCHES.name]
        start_at_zero(self.dead_letters, read)
        by_user = [topic.name for topic in BY_USER]
        made = [topic.name for topic in (TOUCHES, EXAMPLES, FEATURES, DEAD_LETTERS)]
        start_at_zero(self.dropped, [*made, *by_user])
        start_at_zero(self.moved, by_user)
        start_at_zero(self.trouble, PARTS)
        start_at_zero(self.lists_closed, REASONS)
        start_at_zero(self.left_out, read)
        start_at_zero(self.log_changes, read, CHANGES)
        start_at_zero(self.missed, read)
        start_at_zero(self.touches, TOUCHED)

    def observe(self, effects: Effects, memory: Memory, now_s: float) -> None:
        """Note a batch whose effects are in the store."""
        for (topic, outcome), count in effects.counts.items():
            self.events.labels(kind=KINDS[topic], outcome=outcome).inc(count)
        for letter in effects.dead_letters:
            self.dead_letters.labels(topic=letter.topic).inc()
        for stray in effects.strays:
            self.moved.labels(topic=stray.source.topic).inc()
        for _, table in effects.examples:
            for entry in table["origin"].value_counts().to_pylist():
                self.examples.labels(origin=entry["values"]).inc(entry["counts"])
        for rows in effects.features:
            self.feature_rows.labels(view=rows.view.name).inc(rows.rows.num_rows)
        for event_time in effects.probes:
            self.event_to_feature.observe(max(now_s - event_time, 0.0))
        for outcome, count in effects.touched.items():
            self.touches.labels(outcome=outcome).inc(count)
        self.joined.inc(effects.joined)
        for task, count in effects.late.items():
            self.late.labels(task=task).inc(count)
        for reason, count in effects.closed.items():
            self.lists_closed.labels(reason=reason).inc(count)
        if effects.closed:
            held_s = effects.window_held_s
            self.join_window.set(memory.join.longest_s if held_s is None else held_s)
        if effects.watermark > float("-inf"):
            self.watermark_lag.set(now_s - effects.watermark)
        self.observe_memory(memory)

    def observe_memory(self, memory: Memory) -> None:
        """Note what is remembered, after a batch and after a restart."""
        join, seen = memory.join, memory.seen
        self.pending.set(len(join.open_windows))
        self.join_bytes.set(join.size_bytes)
        self.dedupe_bytes.set(seen.size_bytes)
        self.dedupe_window.set(seen.held_s)
        self.dedupe_window_asked.set(seen.window_s)
        self.cached.labels(entity="user").set(len(memory.users))
        self.cached.labels(entity="item").set(len(memory.items))

    def log_changed(self, topic: str, changes: Collection[str], missed: int) -> None:
        """Note what happened to a topic's log."""
        for change in CHANGES:
            self.log_changes.labels(topic=topic, change=change).inc(change in changes)
        self.missed.labels(topic=topic).inc(missed)
        self.trouble.labels(part="kafka").inc(bool(changes))

    def observe_lag(self, source: TopicPartition, records: int) -> None:
        """Note how far behind a partition is."""
        self.lag.labels(topic=source.topic, partition=str(source.partition)).set(records)

    def _counter(self, name: str, text: str, labels: list[str]) -> Counter:
        return Counter(f"millstream_stream_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: list[str] | None = None) -> Gauge:
        return Gauge(f"millstream_stream_{name}", text, labels or [], registry=self.registry)

    def _seconds(self, name: str, text: str) -> Histogram:
        return self._histogram(name, text, LATENCY_BUCKETS_S)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"millstream_stream_{name}", text, buckets=buckets, registry=self.registry)
