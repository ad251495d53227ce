"""What the stream worker exports, `millstream_stream_*`."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

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
        self.batch_events = self._histogram("batch_events", "Events in a batch", CHUNK_BUCKETS)
        self.batch_seconds = self._seconds("batch_seconds", "Time for a batch")
        self.publish_seconds = self._seconds("publish_seconds", "Time until Kafka has a batch")
        self.commit_seconds = self._seconds("commit_seconds", "Time until Redis has a batch")
        self.event_to_feature = self._seconds(
            "event_to_feature_seconds", "From a probe's time until its features are in Redis"
        )
        self.watermark_lag = self._gauge("watermark_lag_seconds", "The clock less the watermark")
        self.pending = self._gauge("pending_impressions", "Lists whose window is open")
        self.cached = self._gauge("cached_entities", "Entities in memory", ["entity"])
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
        if effects.watermark > float("-inf"):
            self.watermark_lag.set(now_s - effects.watermark)
        self.observe_memory(memory)

    def observe_memory(self, memory: Memory) -> None:
        """Note what is remembered, after a batch and after a restart."""
        self.pending.set(len(memory.joins.waiting))
        self.cached.labels(entity="user").set(len(memory.users))
        self.cached.labels(entity="item").set(len(memory.items))

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
