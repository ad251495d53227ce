"""Everything the stream remembers between batches; the store holds the same after each batch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from features.dedup import SeenIds, capacity
from features.interner import CATEGORIES, ITEMS
from features.labels import TASKS
from millstream.settings import NegativePart, Settings
from stream.ingest.records import TopicPartition
from stream.state.cache import Cache
from stream.state.entities import Item, User
from stream.state.impression_join import LIST_BYTES, ImpressionJoin
from stream.state.known_items import KnownItems
from stream.state.recent_positives import RecentPositives
from stream.state.stages import stages_of
from stream.state.watermark import Watermark

# An impression of ten items with their features.
TYPICAL_LIST_BYTES = 5_000
# Numbers of strings beside twice those of known items; one takes about 200 bytes.
MOST_NUMBERS = 1_000_000


@dataclass(frozen=True)
class Rules:
    """The settings of the core; seconds.

    Args:
        allowed_lateness_s: how far out of order an event may come and still make an example.
        join_window_s: how long after an impression feedback joins it.
        join_grace_s: how much longer, by the clock, before the window closes without later events.
        idle_s: a partition silent for so long does not hold back the watermark.
        max_clock_skew_s: how far ahead of its arrival an event's time counts.
        join_memory_bytes: what open windows may take.
        dedupe_memory_bytes: what remembered event ids may take.
        dedupe_window_s: how long an event id is remembered at the least.
        sampled_negatives: negatives for every organic positive.
        negative_shares: parts of the mixture that they are drawn from; they add up to 1.
        cache_entities: users, and items, that are kept in memory.
    """

    allowed_lateness_s: float = 10.0
    join_window_s: float = 900.0
    join_grace_s: float = 5.0
    idle_s: float = 5.0
    max_clock_skew_s: float = 5.0
    join_memory_bytes: int = 512 << 20
    dedupe_memory_bytes: int = 512 << 20
    dedupe_window_s: float = 3_600.0
    sampled_negatives: int = 1
    negative_shares: Mapping[NegativePart, float] = field(default_factory=lambda: {"uniform": 1.0})
    cache_entities: int = 500_000

    @classmethod
    def of(cls, settings: Settings) -> "Rules":
        """Those of an installation."""
        return cls(
            allowed_lateness_s=settings.allowed_lateness_s,
            join_window_s=settings.join_window_s,
            dedupe_window_s=settings.dedupe_window_s,
            sampled_negatives=settings.sampled_negatives,
            negative_shares=settings.negative_shares,
            cache_entities=settings.state_cache_entities,
            max_clock_skew_s=settings.max_clock_skew_s,
            join_memory_bytes=settings.join_memory_mb << 20,
            dedupe_memory_bytes=settings.dedupe_memory_mb << 20,
        )


@dataclass
class Memory:
    """State in memory.

    Args:
        positions: the next offset to read of every source partition.
        logs: which log the positions of a topic are of, by topic; "" or none is not known.
        source_logs: the same by partition, as it was stored.
        generations: of remembered event ids, by shard, as the store numbers them.
        common_generation: of those that were stored for all shards; None where there are none.
        touched: the last offset of interactions whose touches the items' side has worked on, by
            the log and the partition that it is of.
        item_clock: newest event times of these touches, by partition of interactions.
        has_items: whether the items' side is here; without it `items` are copies of another
            worker's, of which only the attributes are looked at.
    """

    users: Cache[User]
    items: Cache[Item]
    seen: SeenIds
    known_items: KnownItems
    recent_positives: RecentPositives
    join: ImpressionJoin
    watermark: Watermark
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    source_logs: dict[TopicPartition, str] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)
    common_generation: int | None = None
    touched: dict[tuple[str, int], int] = field(default_factory=dict)
    item_clock: Watermark = field(default_factory=lambda: Watermark(0.0))
    has_items: bool = True

    def rotate(self, now_s: float, expected: int) -> bool:
        """Begin a new generation of event ids if it is time; whether one began."""
        is_rotated = self.seen.rotate(now_s, expected)
        if is_rotated:
            self.generations = {shard: n + 1 for shard, n in self.generations.items()}
        return is_rotated

    def begin(self, rules: Rules) -> None:
        """Forget all."""
        new = empty_memory(rules)
        for each in fields(self):
            setattr(self, each.name, getattr(new, each.name))

    def shrink(self) -> None:
        """Forget what was not used lately; only between batches, when all is stored.

        Numbers of strings are in users' states and among known items. When most of them are of what
        is gone, all are forgotten, and users come from the store again.
        """
        self.users.shrink()
        self.items.shrink()
        if len(ITEMS) + len(CATEGORIES) > MOST_NUMBERS + 2 * len(self.known_items.items):
            self.users.clear()
            self.known_items.renumber()
            ITEMS.clear()
            CATEGORIES.clear()


def empty_memory(rules: Rules) -> Memory:
    """Initial, empty state."""
    return Memory(
        users=Cache(rules.cache_entities),
        items=Cache(rules.cache_entities),
        seen=SeenIds(rules.dedupe_window_s, rules.dedupe_memory_bytes),
        known_items=KnownItems(),
        recent_positives=RecentPositives(),
        join=ImpressionJoin(rules.join_window_s, rules.join_grace_s, rules.join_memory_bytes),
        watermark=Watermark(rules.allowed_lateness_s),
    )


def memory_line(rules: Rules) -> str:
    """How fast events may come for the windows to be held, as a line for the log."""
    ids = capacity(rules.dedupe_memory_bytes) / rules.dedupe_window_s
    window_s = stages_of(TASKS, rules.join_window_s)[-1].window_s
    lists = rules.join_memory_bytes / (LIST_BYTES + TYPICAL_LIST_BYTES) / window_s
    return (
        f"Event ids are remembered for {rules.dedupe_window_s:g} s at up to {ids:.0f} events/s"
        f" ({rules.dedupe_memory_bytes >> 20} MiB), and lists wait for {window_s:g} s"
        f" at up to {lists:.0f} lists/s of {TYPICAL_LIST_BYTES // 1000} kB"
        f" ({rules.join_memory_bytes >> 20} MiB)."
    )
