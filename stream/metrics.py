"""What the stream worker exports, `millstream_stream_*`."""

from collections.abc import Collection, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from millstream.log_identity import CHANGES
from millstream.metrics import LATENCY_BUCKETS_S, add_build_info
from millstream.topics import (
    DEAD_LETTERS,
    EXAMPLES,
    FEATURES,
    IMPRESSIONS,
    INTERACTIONS,
    ITEMS,
    USERS,
)
from stream.effects import Effects
from stream.joins import REASONS
from stream.memory import Memory
from stream.records import Source

KINDS: Mapping[str, str] = {
    INTERACTIONS.name: "interaction",
    IMPRESSIONS.name: "impression",
    ITEMS.name: "item",
    USERS.name: "user",
}
CHUNK_BUCKETS = (1, 10, 30, 100, 300, 1_000, 3_000, 10_000)


class StreamMetrics:
    """Metrics in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        add_build_info("stream", registry)
        self.events = self._counter("events", "Events by kind and outcome", ["kind", "outcome"])
        self.examples = self._counter("examples", "Rows published to train on", ["origin"])
        self.feature_rows = self._counter("feature_rows", "Feature rows written", ["view"])
        self.dead_letters = self._counter("dead_letters", "Messages refused", ["topic"])
        self.dropped = self._counter("dropped", "Messages that Kafka refuses for good", ["topic"])
        for topic in (EXAMPLES, FEATURES, DEAD_LETTERS):
            self.dropped.labels(topic=topic.name)
        self.unknown_fields = self._counter(
            "unknown_fields", "Events with fields or attributes that nothing takes", []
        )
        self.joined = self._counter("joined", "Shown items that got feedback", [])
        self.trouble = self._counter("trouble", "Failed attempts, by what did not answer", ["part"])
        self.offline_rows = self._counter("offline_rows", "Rows appended to part files", ["view"])
        self.left_out = self._counter(
            "left_out_offsets", "Offsets that were gone before they were read", ["topic"]
        )
        self.lists_closed = self._counter("lists_closed", "Lists closed, by reason", ["reason"])
        for part in ("kafka", "redis", "offline"):
            self.trouble.labels(part=part)
        for reason in REASONS:
            self.lists_closed.labels(reason=reason)
        for source in KINDS:
            self.left_out.labels(topic=source)
        self.batch_events = self._histogram("batch_events", "Events in a batch", CHUNK_BUCKETS)
        self.batch_seconds = self._seconds("batch_seconds", "Time for a batch")
        self.publish_seconds = self._seconds("publish_seconds", "Time until Kafka has a batch")
        self.commit_seconds = self._seconds("commit_seconds", "Time until Redis has a batch")
        self.event_to_feature = self._seconds(
            "event_to_feature_seconds", "From a probe's time until its features are in Redis"
        )
        self.watermark_lag = self._gauge("watermark_lag_seconds", "The clock less the watermark")
        self.pending = self._gauge("pending_impressions", "Lists whose window is open")
        self.ready = self._gauge("ready", "1 while this worker reads and works, 0 in standby")
        self.join_bytes = self._gauge("join_bytes", "Memory of lists whose window is open")
        self.join_window = self._gauge(
            "join_window_held_seconds", "Window that the memory for lists allows"
        )
        self.dedupe_bytes = self._gauge("dedupe_bytes", "Memory of remembered event ids")
        self.dedupe_window = self._gauge(
            "dedupe_window_held_seconds", "Time for which event ids are remembered at the least"
        )
        self.dedupe_window_asked = self._gauge(
            "dedupe_window_seconds", "Time for which event ids are to be remembered"
        )
        self.cached = self._gauge("cached_entities", "Entities in memory", ["entity"])
        self.log_changes = self._counter(
            "log_changes", "Topics found to be other logs, cut, or overtaken", ["topic", "change"]
        )
        self.missed = self._counter(
            "missed_records", "Records removed before being read", ["topic"]
        )
        for source in KINDS:
            self.log_changed(source, (), 0)
        self.lag = self._gauge("lag_records", "Records not yet processed", ["topic", "partition"])

    def observe(self, effects: Effects, memory: Memory, now_s: float) -> None:
        """Note a batch whose effects are in the store."""
        for (topic, outcome), count in effects.counts.items():
            self.events.labels(kind=KINDS[topic], outcome=outcome).inc(count)
        for letter in effects.dead_letters:
            self.dead_letters.labels(topic=letter.topic).inc()
        for _, table in effects.examples:
            for entry in table["origin"].value_counts().to_pylist():
                self.examples.labels(origin=entry["values"]).inc(entry["counts"])
        for rows in effects.features:
            self.feature_rows.labels(view=rows.view.name).inc(rows.rows.num_rows)
        for event_time in effects.probes:
            self.event_to_feature.observe(max(now_s - event_time, 0.0))
        self.joined.inc(effects.joined)
        for reason, count in effects.closed.items():
            self.lists_closed.labels(reason=reason).inc(count)
        if effects.closed:
            held_s = effects.window_held_s
            self.join_window.set(memory.joins.window_s if held_s is None else held_s)
        if effects.watermark > float("-inf"):
            self.watermark_lag.set(now_s - effects.watermark)
        self.observe_memory(memory)

    def observe_memory(self, memory: Memory) -> None:
        """Note what is remembered, after a batch and after a restart."""
        joins, seen = memory.joins, memory.seen
        self.pending.set(len(joins.waiting))
        self.join_bytes.set(joins.size_bytes)
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

    def observe_lag(self, source: Source, records: int) -> None:
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
