"""Everything the stream remembers between batches; the store holds the same after each batch."""

from dataclasses import dataclass, field

from features.dedup import SeenIds
from millstream.settings import Settings
from stream.catalogue import Catalogue
from stream.entities import Cache, Item, User
from stream.joins import Joins
from stream.records import Source
from stream.watermark import Watermark


@dataclass(frozen=True)
class Rules:
    """The settings of the core; seconds.

    Args:
        allowed_lateness_s: how far out of order an event may come and still make an example.
        join_window_s: how long after an impression feedback joins it.
        join_grace_s: how much longer, by the clock, before the window closes without later events.
        idle_s: a partition silent for so long does not hold back the watermark.
        dedupe_window_s: how long an event id is remembered at the least.
        sampled_negatives: negatives for every organic positive.
        cache_entities: users, and items, that are kept in memory.
    """

    allowed_lateness_s: float = 10.0
    join_window_s: float = 900.0
    join_grace_s: float = 5.0
    idle_s: float = 5.0
    dedupe_window_s: float = 3_600.0
    sampled_negatives: int = 1
    cache_entities: int = 500_000

    @classmethod
    def of(cls, settings: Settings) -> "Rules":
        """Those of an installation."""
        return cls(
            allowed_lateness_s=settings.allowed_lateness_s,
            join_window_s=settings.join_window_s,
            dedupe_window_s=settings.dedupe_window_s,
            sampled_negatives=settings.sampled_negatives,
            cache_entities=settings.state_cache_entities,
        )


@dataclass
class Memory:
    """State in memory.

    Args:
        positions: the next offset to read of every source partition.
    """

    users: Cache[User]
    items: Cache[Item]
    seen: SeenIds
    catalogue: Catalogue
    joins: Joins
    watermark: Watermark
    positions: dict[Source, int] = field(default_factory=dict)


def empty_memory(rules: Rules) -> Memory:
    """What a stream remembers that has read nothing yet."""
    return Memory(
        users=Cache(rules.cache_entities),
        items=Cache(rules.cache_entities),
        seen=SeenIds(rules.dedupe_window_s),
        catalogue=Catalogue(),
        joins=Joins(rules.join_window_s, rules.join_grace_s),
        watermark=Watermark(rules.allowed_lateness_s, rules.idle_s),
    )
