"""Effects of processing a batch of records, as data: a shell carries them out.

First everything for Kafka is produced and acknowledged, then everything for the store is written in
one transaction together with the positions. A crash in between makes the batch be read and its
messages be produced again; who consumes them drops rows at positions that it has seen.
"""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa

from features.feature import View
from millstream.dead_letters import DeadLetter
from millstream.topics import Topic
from stream.ingest.records import StrayRecord, TopicPartition


@dataclass
class FeatureRows:
    """New values of one view.

    Args:
        rows: every one, in the order of the events; the entity's key, the features,
            `event_timestamp`, and the position of the event that caused it.
        last: which of `rows` is the last one of its entity: what the online store needs.
        source_topic: that the positions are of.
    """

    view: View
    rows: pa.Table
    last: list[int]
    source_topic: Topic


@dataclass
class SeenEntries:
    """Entries of one of a user's seen filters; `clear` it first if it begins anew.

    An entry is an item, or a mark of `features/seen.py`.
    """

    slot: int
    clear: bool
    entries: list[str | int]


@dataclass
class StateWrites:
    """New state for the store, all or nothing.

    Args:
        users, items: entities as bytes by id.
        fingerprints: fingerprints of new event ids by shard, packed; "" is every shard.
        generations: that the fingerprints belong to, by shard, of those that are to be written.
        started_at: when these generations began, Unix seconds.
        rotated: whether they are new, so that the ones before the last are forgotten.
        common_generation: of event ids of all shards, that is to be forgotten.
        known: items that have become known; all of them where they were compacted.
        is_compacted: whether empty places among known items were taken out.
        holes: places among known items that have become empty.
        recent_positives: positives that negatives may be drawn from, the newest last.
        removed: items whose rows are deleted, before anything else is written.
        gone: what is left of deleted items, as bytes by id, and is kept for a day.
        deleted: versions of deletions, as bytes by id.
        undeleted: items whose deletion is undone, or forgotten.
        spans: when items are available whose availability will change, as bytes by id.
        unscheduled: items whose availability changes no more.
        hidden, shown: items that are to be, or no longer to be, left out.
        open_windows: lists whose window opened, as bytes by request id.
        attributed: items with feedback by request id, as bytes.
        closed: request ids to forget.
        filters: entries for the users' seen filters.
        erased: users of whom nothing is to be left; carried out before everything else.
        erasures: their erasures, as bytes by id.
        positions: the next offset to read of every source partition.
        max_event_times: the newest event time of every source partition.
        asked: the last offset of interactions that left touches, by log and partition.
        touched: see `stream.state.memory.Memory.touched`.
    """

    users: dict[str, bytes] = field(default_factory=dict)
    items: dict[str, bytes] = field(default_factory=dict)
    fingerprints: dict[str, bytes] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)
    started_at: float = 0.0
    rotated: bool = False
    common_generation: int | None = None
    known: list[str] = field(default_factory=list)
    recent_positives: list[bytes] = field(default_factory=list)
    is_compacted: bool = False
    holes: list[int] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    gone: dict[str, bytes] = field(default_factory=dict)
    deleted: dict[str, bytes] = field(default_factory=dict)
    undeleted: list[str] = field(default_factory=list)
    spans: dict[str, bytes] = field(default_factory=dict)
    unscheduled: list[str] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    open_windows: dict[str, bytes] = field(default_factory=dict)
    attributed: dict[str, bytes] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    filters: dict[str, list[SeenEntries]] = field(default_factory=dict)
    erased: list[str] = field(default_factory=list)
    erasures: dict[str, bytes] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    max_event_times: dict[TopicPartition, float] = field(default_factory=dict)
    asked: dict[tuple[str, int], int] = field(default_factory=dict)
    touched: dict[tuple[str, int], int] = field(default_factory=dict)


@dataclass
class Effects:
    """Everything that one batch causes.

    Args:
        examples: (source topic, rows); their metadata says which log the positions are of, where it
            is another one than `logs` says. That of rows of lists names their lane (`source_lane`)
            where tasks wait for feedback differently long: positions grow within one.
        touches: what interactions ask of items, see `stream.processing.touches`.
        touched: how many touches were worked on, and how many were known ("new", "again").
        told_erased: users that the trainer is to forget, and when the stream did.
        features: new rows by view.
        dead_letters: what could not be processed.
        strays: events to be moved to the partition of their user.
        state: for the store.
        counts: (event kind, outcome) -> events, for the metrics.
        probes: event times of the probes among the events.
        joined: shown items that got feedback.
        late: feedback on a list after the window of a task, by the task's name.
        watermark: event time up to which windows are closed; -inf before the first event.
        made_at: Unix seconds, by the clock.
        closed: lists whose window was closed, by the reason.
        window_held_s: how much event time the last list waited that was closed for want of memory.
        logs: which log the rows' positions are of, by topic; none where that is not known.
        by: partitions of users that this worker has, where others have more; see `TouchesRecord`.
        has_more: whether it has a backlog.
    """

    examples: list[tuple[Topic, pa.Table]] = field(default_factory=list)
    touches: list[pa.Table] = field(default_factory=list)
    touched: Counter[str] = field(default_factory=Counter)
    told_erased: list[tuple[list[str], float]] = field(default_factory=list)
    features: list[FeatureRows] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    strays: list[StrayRecord] = field(default_factory=list)
    state: StateWrites = field(default_factory=StateWrites)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    probes: list[float] = field(default_factory=list)
    joined: int = 0
    late: Counter[str] = field(default_factory=Counter)
    watermark: float = float("-inf")
    made_at: float = 0.0
    closed: Counter[str] = field(default_factory=Counter)
    window_held_s: float | None = None
    logs: dict[str, str] = field(default_factory=dict)
    by: list[int] = field(default_factory=list)
    has_more: bool = False
