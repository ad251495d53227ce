"""Events, records and a stream in memory, for tests of the stream's cores."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields
from itertools import groupby
from typing import Any

from features.stores.redis_online import Layouts
from millstream.codec import encode
from millstream.events import Event, Impression, Interaction, ItemUpsert, ShownItem, UserUpsert
from millstream.kafka import route
from stream.ingest.decode import event_of, touches_record
from stream.ingest.records import (
    EventRecord,
    InvalidRecord,
    SourceRecord,
    TopicPartition,
)
from stream.outputs.effects import Effects, StateWrites
from stream.outputs.messages import touches_messages
from stream.processing.batch import process
from stream.processing.prefetch import prefetch
from stream.state.entities import Item, User
from stream.state.memory import Memory, Rules, empty_memory
from stream.state.watermark import CLOCK
from stream.storage.schema import StateCommands

START = 1.75e9


def interaction(second: float, user: str = "u1", item: str = "i1", **fields: Any) -> Interaction:
    """A click, unless `fields` say otherwise; its id is made of what it is."""
    kind = fields.pop("kind", "click")
    name = fields.pop("event_id", f"{kind}-{user}-{item}-{second}")
    return Interaction(
        event_id=name, event_time=START + second, user_id=user, item_id=item, kind=kind, **fields
    )


def impression(
    second: float, request: str = "r1", items: Iterable[str] = ("i1", "i2"), **fields: Any
) -> Impression:
    """A list that was shown; its items carry a logged popularity of 7, 8, ..."""
    shown = [
        ShownItem(
            item_id=item,
            position=place,
            score=1.0,
            propensity=0.5,
            features={"item_popularity": 7.0 + place},
        )
        for place, item in enumerate(items)
    ]
    return Impression(
        event_id=fields.pop("event_id", f"impression-{request}"),
        event_time=START + second,
        request_id=request,
        user_id=fields.pop("user", "u1"),
        items=shown,
        **fields,
    )


def item_upsert(second: float, item: str = "i1", **fields: Any) -> ItemUpsert:
    """A catalogue entry."""
    name = fields.pop("event_id", f"item-{item}-{second}")
    return ItemUpsert(event_id=name, event_time=START + second, item_id=item, **fields)


def user_upsert(second: float, user: str = "u1", **attributes: Any) -> UserUpsert:
    """An account."""
    return UserUpsert(
        event_id=f"user-{user}-{second}",
        event_time=START + second,
        user_id=user,
        attributes=attributes,
    )


def record(event: Event | bytes | None, partition: int = 0, offset: int = 0) -> SourceRecord:
    """A message with the event, as of its time, or with these bytes on `interactions`."""
    if isinstance(event, Event):
        (topic, key), value = route(event), encode(event)
        return SourceRecord(
            TopicPartition(topic.name, partition), offset, key, value, event.event_time
        )
    return SourceRecord(TopicPartition("interactions", partition), offset, b"key", event, START)


def entry(
    event: Event | bytes | None, partition: int = 0, offset: int = 0, now_s: float = START + 1e6
) -> EventRecord | InvalidRecord:
    """The same, decoded."""
    return event_of(record(event, partition, offset), now_s)


def event_entry(event: Event, partition: int = 0, offset: int = 0) -> EventRecord:
    """A valid event, decoded."""
    found = entry(event, partition, offset)
    assert isinstance(found, EventRecord)
    return found


class MemoryStream:
    """The core with everything in memory; offsets are counted by partition."""

    def __init__(self, **rules: Any) -> None:
        self.rules = Rules(**rules)
        self.memory: Memory = empty_memory(self.rules)
        self._offsets: dict[TopicPartition, int] = {}

    def run(self, *events: Event | bytes, partition: int = 0, now: float = 1e6) -> Effects:
        """One batch of events of one partition, at `now` seconds after `START`."""
        entries = []
        for event in events:
            source = record(event, partition).source
            offset = self._offsets.get(source, 0)
            self._offsets[source] = offset + 1
            entries.append(entry(event, partition, offset))
        return self.run_entries(entries, now)

    def fall_silent(self, now: float) -> Effects:
        """Nothing is outstanding at `now`; what is closed because of it."""
        self.run_entries([], now, {CLOCK: START + now})
        return self.run_entries([], now)

    def run_entries(
        self,
        entries: Iterable[Any],
        now: float = 1e6,
        ticks: Mapping[TopicPartition, float] | None = None,
    ) -> Effects:
        """Entries, each followed by what it asks of items; the effects of all.

        They are as few batches as may be: the items' side of one begins with the catalogue.
        """
        groups = [list(g) for _, g in groupby(entries, lambda entry: entry.source.topic == "items")]
        found = Effects(made_at=START + now)
        for some in groups or [[]]:
            effects = self.batch(some, now, ticks if not groups or some is groups[-1] else None)
            asked = self.asked(effects)
            while asked:
                further = self.batch(asked, now)
                effects, asked = merged(effects, further), self.asked(further)
            found = merged(found, effects)
        found.touches = []  # they have come
        return found

    def asked(self, effects: Effects) -> list[Any]:
        """What events ask of items, as it comes from its topic."""
        source = TopicPartition("touches", 0)
        first = self.memory.positions.get(source, 0)
        return [
            touches_record(SourceRecord(source, first + n, None, message.value))
            for n, message in enumerate(touches_messages(effects))
        ]

    def batch(
        self,
        entries: Iterable[Any],
        now: float = 1e6,
        ticks: Mapping[TopicPartition, float] | None = None,
    ) -> Effects:
        """One batch of entries, and nothing else."""
        needs = prefetch(list(entries), self.memory, self.rules)
        for user in self.memory.users.missing(needs.users):
            self.memory.users.put(user, User())
        for item in self.memory.items.missing(needs.items):
            self.memory.items.put(item, Item())
        return process(needs, self.memory, self.rules, START + now, ticks)


def merged(first: Effects, second: Effects) -> Effects:
    """The effects of two batches one after the other, as if of one."""
    return Effects(**{f.name: _both(f.name, first, second) for f in fields(Effects)})


def _both(name: str, first: Any, second: Any) -> Any:
    one, other = getattr(first, name), getattr(second, name)
    if isinstance(one, StateWrites):
        return StateWrites(**{f.name: _both(f.name, one, other) for f in fields(StateWrites)})
    if isinstance(one, bool):
        return one or other
    if isinstance(one, int) and name == "joined":
        return one + other
    if isinstance(one, Counter):
        return one + other
    if isinstance(one, list):
        return [*one, *other]
    if isinstance(one, dict | set):
        return one | other
    if name == "common_generation":
        return other if one is None else one
    return other


def examples_of(effects: Effects, source: str = "interactions") -> list[dict[str, Any]]:
    """The examples of one source topic, as dicts."""
    return [
        row
        for topic, table in effects.examples
        if topic.name == source
        for row in table.to_pylist()
    ]


def feature_rows_of(effects: Effects, view: str) -> list[dict[str, Any]]:
    """The new rows of one view, as dicts."""
    return [
        row for rows in effects.features if rows.view.name == view for row in rows.rows.to_pylist()
    ]


def state_commands() -> StateCommands:
    """Commands of an installation for tests."""
    return StateCommands("test.", Layouts("millstream"))
