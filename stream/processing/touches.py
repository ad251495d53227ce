"""Touches: what the events of users ask of items, and all that an item needs to know of them.

The users of a segment come first, its items after them, and nothing goes back: an item's features
may take what its user had met before an event, a user's only the attributes of the item. So items
are worked on elsewhere and later, from topic `touches`: one Arrow row an interaction.

    item_id, event_time, order, positive, voter      update of the item
    kind, value, lists              of it, where a feature of items asks for them
    is_probe, met                   whether it is a probe; what its user had met right before
    source_partition, source_offset of the interaction
    asks, wants                     whether it makes an example here, with negatives
    labels, weight                  of that example
    joined                          examples of lists that it settled, msgpack
    event_id, ... user features     further columns of the example; null where it makes none
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from features import labels
from features.context import CONTEXT
from features.entity_rule import ITEM_RULE, USER_RULE
from features.interner import ITEMS
from features.rows import Columns, arrow_type
from features.spec import FEATURES
from features.update import EventColumns, Update, kind_numbers, list_numbers, value_numbers
from stream.outputs.examples import ExampleRow, ImpressionExamples
from stream.outputs.feature_rows import SourceOffsets

_ENCODE = msgspec.msgpack.Encoder().encode
_LISTS = msgspec.msgpack.Decoder(tuple[tuple[str, ...], ...]).decode
_JOINED = msgspec.msgpack.Decoder(list[tuple[ExampleRow, dict[str, Any], dict[str, str]]]).decode

PARTITION, OFFSET = "source_partition", "source_offset"
_OWN = (
    *("item_id", "event_time", "order", "positive", "voter", "is_probe", "met"),
    *(PARTITION, OFFSET, "asks", "wants", "labels", "weight", "joined"),
)
# What a feature of items may ask for.
_FURTHER = {"kind": pa.string(), "value": pa.float64(), "lists": pa.binary()}
_OF_USERS = tuple(feature for feature in FEATURES if feature.view.entity == "user")
_OF_EVENTS = ("event_id", "user_id")


@dataclass(frozen=True)
class Asks:
    """Organic events whose user is known as before them, and that want examples; (asks,) each.

    Args:
        events: places among the touches' events, ascending.
        rows: columns of the examples that are of the event and its user.
        labels: (asks, tasks), NaN where an event has none for a task.
        weights: in the loss.
        recent: (asks, most) numbers of what the user had met lately, padded with 0.
        wants: bool, whether negatives are wanted.
    """

    events: np.ndarray
    rows: Columns
    labels: np.ndarray
    weights: np.ndarray
    recent: np.ndarray
    wants: np.ndarray

    @property
    def times(self) -> np.ndarray:
        """(asks,) Unix seconds: what happened then is in no example."""
        return self.rows["event_time"].to_numpy()


@dataclass(frozen=True)
class Touches:
    """Events, and the examples that some of them ask for; (events,) each.

    Args:
        columns: updates, with the lists of their users that `ITEM_RULE` needs.
        is_probe: whether each is a probe.
        met: number of the item that the user had met right before, or `NOTHING`.
        offsets: of the interactions.
        asks: for examples.
        joined: examples of lists that events settled; their places are of the events.
    """

    columns: EventColumns
    is_probe: np.ndarray
    met: np.ndarray
    offsets: SourceOffsets
    asks: Asks
    joined: ImpressionExamples

    def table(self) -> pa.Table:
        """One row an event, without numbers of this process."""
        asks, count = self.asks, len(self.is_probe)
        place = np.full(count, -1)
        place[asks.events] = np.arange(len(asks.events))
        is_ask = place >= 0
        flags, ordinals = pa.array(is_ask), pa.array(place, mask=~is_ask)
        found = {
            **_update_columns(self.columns),
            "is_probe": pa.array(self.is_probe, pa.bool_()),
            "met": ITEMS.column(self.met),
            PARTITION: pa.array(self.offsets.partitions, pa.int32()),
            OFFSET: pa.array(self.offsets.offsets, pa.int64()),
            "asks": flags,
            "wants": _spread(asks.wants, place, False),
            "labels": _rows(asks.labels[place] if len(asks.events) else _none(count)),
            "weight": _spread(asks.weights, place, 0.0),
            "joined": pa.array(_joined(self.joined, count), pa.binary()),
        }
        rows = {name: asks.rows[name] for name in _ask_columns()}
        if not is_ask.all():
            rows = {name: column.take(ordinals) for name, column in rows.items()}
        return pa.table({**found, **rows})


def _update_columns(columns: EventColumns) -> Columns:
    needs, updates = ITEM_RULE.needs, columns.updates
    found: Columns = {
        "item_id": ITEMS.column(columns.items),
        "event_time": pa.array(columns.times),
        "order": pa.array([update.order for update in updates], pa.uint64()),
        "positive": pa.array(columns.positive),
        "voter": pa.array(columns.voters),
    }
    if needs.kinds:
        found["kind"] = pa.array([update.kind for update in updates], pa.string())
    if needs.values:
        found["value"] = pa.array([update.value for update in updates], pa.float64())
    if needs.lists:
        found["lists"] = pa.array([_ENCODE(update.lists) for update in updates], pa.binary())
    return found


def _spread(values: np.ndarray, place: np.ndarray, missing: float) -> pa.Array:
    """Values of asks, one an event."""
    if not len(values):
        return pa.array(np.full(len(place), missing))
    return pa.array(np.where(place >= 0, values[place], missing))


def _none(count: int) -> np.ndarray:
    return np.full((count, len(labels.TASKS)), np.nan)


def _rows(values: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _joined(found: ImpressionExamples, count: int) -> list[bytes | None]:
    by_event: dict[int, list[tuple[ExampleRow, Mapping[str, Any], Mapping[str, str]]]] = {}
    entries = zip(found.places, found.rows, found.logged, found.contexts, strict=True)
    for place, row, logged, context in entries:
        by_event.setdefault(place, []).append((row, logged, context))
    return [_ENCODE(by_event[n]) if n in by_event else None for n in range(count)]


def _ask_columns() -> tuple[str, ...]:
    context = (column.name for column in CONTEXT)
    return (*_OF_EVENTS, *context, *(feature.name for feature in _OF_USERS))


def current(table: pa.Table) -> pa.Table:
    """Rows that another version may have made, with this one's columns.

    A user's features that it did not know have their defaults.
    """
    names = table.column_names
    for feature in _OF_USERS:
        if feature.name not in names:
            default = pa.array([feature.default] * len(table), arrow_type(feature))
            table = table.append_column(feature.name, default)
    for column in CONTEXT:
        if column.name not in names:
            default = pa.array([column.default] * len(table), pa.string())
            table = table.append_column(column.name, default)
    tasks = table.schema.field("labels").type.list_size
    if tasks != len(labels.TASKS):
        values = _none(len(table))
        old = table["labels"].combine_chunks().flatten().to_numpy().reshape(-1, tasks)
        values[:, :tasks] = old[:, : len(labels.TASKS)]
        place = table.column_names.index("labels")
        table = table.set_column(place, "labels", _rows(values))
    for name, kind in _FURTHER.items():
        if name in names:
            continue
        table = table.append_column(name, pa.nulls(len(table), kind))
    return table.select([*_OWN, *_FURTHER, *_ask_columns()]).replace_schema_metadata(None)


def in_step(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """Rows of several workers as one table, in step by event time.

    As in `stream.ingest.alignment`: a partition's rows keep their order, and go by the newest event
    time so far. Tables of one worker, which has aligned them, stay as they are.
    """
    owned = [set(table[PARTITION].to_pylist()) for table in tables]
    if all(one & other for one, other in pairwise(owned)):
        return list(tables)
    table = pa.concat_tables(tables).combine_chunks()
    partitions, newest = table[PARTITION].to_numpy(), table["event_time"].to_numpy().copy()
    for partition in np.unique(partitions).tolist():
        own = partitions == partition
        newest[own] = np.maximum.accumulate(newest[own])
    return [table.take(pa.array(np.argsort(newest, kind="stable")))]


def touches_of(tables: Sequence[pa.Table]) -> Touches:
    """Touches from rows that `Touches.table` gives, one table after the other.

    Args:
        tables: at least one, as `current` gives them.
    """
    table = pa.concat_tables(tables).combine_chunks()
    columns = {name: table[name].chunk(0) for name in table.column_names}
    offsets = SourceOffsets(columns[PARTITION].to_numpy(), columns[OFFSET].to_numpy())
    joined = ImpressionExamples()
    for place, each in enumerate(columns["joined"].to_pylist()):
        if each is not None:
            for row, logged, context in _JOINED(each):
                joined.put(row, logged, place, context)
    return Touches(
        _events(columns),
        columns["is_probe"].to_numpy(zero_copy_only=False),
        _numbers(columns["met"]),
        offsets,
        _asks(columns),
        joined,
    )


def _events(columns: Columns) -> EventColumns:
    needs, count = ITEM_RULE.needs, len(columns["item_id"])
    own = ("event_time", "order", "positive", "item_id")
    further = columns["lists"].to_pylist() if needs.lists else []
    lists = [() if each is None else _LISTS(each) for each in further] or [()] * count
    kinds, values = (columns[name].to_pylist() for name in ("kind", "value"))
    voters = columns["voter"].to_numpy()
    parts = *(columns[name].to_pylist() for name in own), lists, voters.tolist(), kinds, values
    return EventColumns(
        [Update(*each) for each in zip(*parts, strict=True)],
        columns["event_time"].to_numpy(),
        columns["positive"].to_numpy(zero_copy_only=False),
        _numbers(columns["item_id"]),
        voters,
        {
            name: list_numbers(name, [each[place] if len(each) > place else () for each in lists])
            for place, name in enumerate(needs.lists)
        },
        kind_numbers([kind or "" for kind in kinds], needs),
        value_numbers(values, needs),
    )


def _asks(columns: Columns) -> Asks:
    is_ask = columns["asks"].to_numpy(zero_copy_only=False)
    events = np.flatnonzero(is_ask)
    names = (*_ask_columns(), "event_time", PARTITION, OFFSET, "is_probe")
    rows = {name: columns[name] for name in names}
    if len(events) < len(is_ask):
        rows = {name: column.take(pa.array(events)) for name, column in rows.items()}
    given = columns["labels"].flatten().to_numpy().reshape(len(is_ask), -1)
    return Asks(
        events,
        rows,
        given[events],
        columns["weight"].to_numpy()[events],
        _recent(rows),
        columns["wants"].to_numpy(zero_copy_only=False)[events],
    )


def _recent(rows: Columns) -> np.ndarray:
    """(asks, most) numbers of what users had met lately, from the feature that says it."""
    if USER_RULE.recent is None:
        return np.zeros((len(rows["event_id"]), 0), np.int32)
    column = rows[USER_RULE.recent]
    length = USER_RULE.layout[USER_RULE.recent].shape[0]
    counts = column.value_lengths().to_numpy()
    found = np.zeros((len(column), length), np.int32)
    found[np.arange(length) < counts[:, None]] = _numbers(column.flatten())
    return found


def _numbers(texts: pa.StringArray) -> np.ndarray:
    """Numbers of `features.interner`; that of no text is `NOTHING`."""
    encoded = texts.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    numbers = np.array([ITEMS.number(name) if name else 0 for name in names], np.int32)
    return numbers[encoded.indices.to_numpy()]
