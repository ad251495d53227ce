"""Events as rows of tables on disk, and back to the updates that they cause.

Rows hold what the rules of users and items ask of an event, and where it came from. `place` is the
event's place in the order of the whole log. What changes attributes is kept whole, in `content`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from features.entity_rule import ITEM_RULE, USER_RULE
from features.labels import label_of
from features.update import EventColumns, Needs, Update, columns_of, voter
from millstream.events import AnyEvent
from stream.ingest.records import EventRecord, ItemDeletion, TopicPartition, UserDeletion
from stream.outputs.feature_rows import SourceOffsets

_LIST = pa.list_(pa.string())
_COLUMNS = {
    "place": pa.int64(),
    "time": pa.float64(),
    "fingerprint": pa.uint64(),
    "user": pa.string(),
    "item": pa.string(),
    "kind": pa.string(),
    "value": pa.float64(),
    "is_probe": pa.bool_(),
    "topic": pa.string(),
    "partition": pa.int32(),
    "offset": pa.int64(),
    "content": pa.binary(),
}
USER_LISTS, ITEM_LISTS = tuple(USER_RULE.needs.lists), tuple(ITEM_RULE.needs.lists)
# Lists of an event's item as of its time, for the user; of its user before it, for the item.
FOR_USERS = pa.schema([*_COLUMNS.items(), *((name, _LIST) for name in USER_LISTS)])
FOR_ITEMS = pa.schema([*_COLUMNS.items(), *((name, _LIST) for name in ITEM_LISTS)])

# `kind` of a row that deletes a user or an item.
DELETION = "deletion"

_BOTH = USER_RULE.needs | ITEM_RULE.needs
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(AnyEvent | UserDeletion | ItemDeletion).decode

Row = tuple[Any, ...]
Lists = tuple[tuple[str, ...], ...]


def row_of(place: int, record: EventRecord, lists: Lists) -> Row:
    """The row of an interaction in `FOR_USERS`; `lists` are those of its item."""
    event, source = record.event, record.source
    return (
        place,
        event.event_time,
        record.fingerprint,
        event.user_id,
        event.item_id,
        event.kind,
        event.value,
        event.is_probe,
        source.topic,
        source.partition,
        record.offset,
        None,
        *lists,
    )


def whole_row(place: int, record: EventRecord) -> Row:
    """The row in `FOR_USERS` of an event that changes or deletes attributes."""
    event, source = record.event, record.source
    kind = DELETION if isinstance(event, UserDeletion | ItemDeletion) else None
    head = (place, event.event_time, record.fingerprint, None, None, kind, None, False)
    return (
        *head,
        source.topic,
        source.partition,
        record.offset,
        _ENCODE(event),
        *[None] * len(USER_LISTS),
    )


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Rows as a table of `FOR_USERS`."""
    columns = zip(*rows, strict=True) if rows else [()] * len(FOR_USERS)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, FOR_USERS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=FOR_USERS)


def record_of(row: Mapping[str, Any]) -> EventRecord:
    """The event of `whole_row`."""
    source = TopicPartition(row["topic"], row["partition"])
    return EventRecord(source, row["offset"], _DECODE(row["content"]), row["fingerprint"], b"")


def event_columns(rows: pa.Table, lists: Sequence[str]) -> EventColumns:
    """Interactions as columns for a rule.

    Args:
        lists: names of the columns with the lists that the rule asks for.
    """
    users = rows["user"].to_pylist()
    voters = {user: voter(user) for user in set(users)}
    kinds, values = rows["kind"].to_pylist(), rows["value"].to_pylist()
    given = [rows[name].to_pylist() for name in lists]
    of_events = zip(*given, strict=True) if lists else [()] * len(users)
    updates = [
        Update(
            time,
            order,
            label_of(kind, value) == 1.0,
            item,
            tuple([tuple(each) for each in own]),
            voters[user],
            kind if _BOTH.kinds or _BOTH.values else None,
            value if _BOTH.kinds or _BOTH.values else None,
        )
        for time, order, item, user, kind, value, own in zip(
            rows["time"].to_pylist(),
            rows["fingerprint"].to_pylist(),
            rows["item"].to_pylist(),
            users,
            kinds,
            values,
            of_events,
            strict=True,
        )
    ]
    return columns_of(updates, Needs(dict.fromkeys(lists), _BOTH.kinds, _BOTH.values))


def offsets_of(rows: pa.Table) -> SourceOffsets:
    """Where the events came from."""
    return SourceOffsets(rows["partition"].to_numpy().astype(np.int32), rows["offset"].to_numpy())
