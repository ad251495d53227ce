"""How Feast's Redis store keeps a row: Feast reads what we write, and we read what Feast writes.

    key     an entity: the serialised `EntityKey` (version 3), then the project
    field   `_ts:<view>`: a protobuf `Timestamp`, the time the row holds for
    field   murmur3_32(`<view>:<feature>`), little endian: a `ValueProto`

All views of an entity share its key. Feast's `key_ttl_seconds` is the expiry of the key. Online,
Feast 0.67 does not look at a view's ttl; `ViewLayout.table` does when it is given a time, by the
rule of Feast's historical join: a row holds until `event_timestamp` + ttl, inclusive.

Reference: feast/infra/online_stores/redis.py, feast/infra/key_encoding_utils.py.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any

import mmh3
import numpy as np
import pyarrow as pa

from features.feature import View
from features.spec import features_of
from features.stores.binary import Part, fixed, joined, lengths, texts
from features.stores.feast_encoding import cells_encoded, timestamps_encoded
from features.stores.feast_values import Stored, decoded, decoded_value, read_varint
from features.stores.resp import Packed, packed
from features.stores.schema import EVENT_TIMESTAMP, TIMESTAMP, online_schema

Command = tuple[bytes, ...]
Reply = Sequence[Stored]

MICROSECONDS = 1_000_000
_STRING_TYPE = 2  # feast.types.ValueType.STRING
_SECONDS, _NANOS = 0x08, 0x10  # tags of protobuf's Timestamp


class ViewLayout:
    """One view in one project.

    Args:
        project: of the Feast repository.
        key_ttl_s: a key expires so long after it was last written; None keeps it.
    """

    def __init__(self, view: View, project: str, key_ttl_s: int | None = None) -> None:
        name = view.key.encode()
        self.view = view
        self._features = features_of(view)
        self._prefix = struct.pack("<3I", 1, _STRING_TYPE, len(name)) + name
        self._project = project.encode()
        self._fields = [field_name(view.name, feature.name) for feature in self._features]
        self._time_field = f"_ts:{view.name}".encode()
        self._key_ttl_s = key_ttl_s

    def key(self, entity_id: str) -> bytes:
        """The Redis key of an entity."""
        text = entity_id.encode()
        size = struct.pack("<2I", _STRING_TYPE, len(text))
        return b"".join((self._prefix, size, text, self._project))

    def write_commands(self, rows: pa.Table | pa.RecordBatch) -> Iterator[Command]:
        """Commands that store `rows`, in their order: one `HSET` each, and `EXPIRE` with a key ttl.

        They may be put into any pipeline or transaction. A row replaces what is stored, also when
        it holds for an earlier time: whoever writes keeps the order.

        Args:
            rows: the columns of `online_schema`; others are ignored.
        """
        written = [_rows_of(command) for command in self._writes(rows)]
        return chain.from_iterable(zip(*written, strict=True))

    def packed_writes(self, rows: pa.Table | pa.RecordBatch) -> list[Packed]:
        """The commands of `write_commands` as Redis takes them, all `EXPIRE`s at the end."""
        return [packed(*command) for command in self._writes(rows)]

    def _writes(self, rows: pa.Table | pa.RecordBatch) -> list[list[Part | np.ndarray]]:
        """The arguments of the commands, a column each or the same in all rows."""
        keys = self._keys(rows[self.view.key])
        stored: list[Part | np.ndarray] = [b"HSET", keys, self._time_field]
        stored.append(timestamps_encoded(rows[EVENT_TIMESTAMP]))
        for field, feature in zip(self._fields, self._features, strict=True):
            stored += (field, cells_encoded(rows[feature.name], feature.dtype))
        if self._key_ttl_s is None:
            return [stored]
        return [stored, [b"EXPIRE", keys, b"%d" % self._key_ttl_s]]

    def _keys(self, ids: pa.ChunkedArray | pa.Array) -> pa.BinaryArray:
        """`key` of every id."""
        text = texts(ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids)
        kind, size = struct.pack("<I", _STRING_TYPE), fixed(lengths(text).astype("<u4"))
        return joined(self._prefix, kind, size, text, self._project)

    @property
    def read_fields(self) -> tuple[bytes, ...]:
        """The hash fields whose values `table` takes."""
        return (self._time_field, *self._fields)

    def table(
        self, ids: Sequence[str], replies: Sequence[Reply], at_s: float | None = None
    ) -> pa.Table:
        """The values of `read_fields`, a reply for each id, as rows of `online_schema`.

        A row that is not there has a null `event_timestamp` and the features' defaults.

        Args:
            at_s: Unix seconds; rows older than the view's ttl at that time count as not there.
        """
        nothing = (None,) * len(self.read_fields)
        moments = [timestamp_decoded(reply[0]) for reply in replies]
        if at_s is not None and self.view.ttl_s is not None:
            oldest = (at_s - self.view.ttl_s) * MICROSECONDS
            moments = [m if m is not None and m >= oldest else None for m in moments]
        rows = [
            nothing if moment is None else reply
            for moment, reply in zip(moments, replies, strict=True)
        ]
        stored = list(zip(*rows, strict=True)) or [()] * len(nothing)
        columns = [
            pa.array(ids, pa.string()),
            *map(decoded, stored[1:], self._features),
            pa.array(moments, pa.int64()).cast(TIMESTAMP),
        ]
        return pa.Table.from_arrays(columns, schema=online_schema(self.view))

    def row(self, reply: Reply) -> dict[str, Any]:
        """The values of `read_fields` for one id, by feature; empty where there is no row."""
        if reply[0] is None:
            return {}
        pairs = zip(self._features, reply[1:], strict=True)
        return {feature.name: decoded_value(value, feature) for feature, value in pairs}


def field_name(view: str, feature: str) -> bytes:
    """The hash field of a feature.

    >>> field_name("item_stats", "item_popularity").hex()
    '46de712f'
    """
    return struct.pack("<I", mmh3.hash(f"{view}:{feature}", signed=False))


def _rows_of(command: list[Part | np.ndarray]) -> Iterator[Command]:
    """A command for each row."""
    return zip(*map(_arguments, command), strict=False)


def _arguments(part: Part | np.ndarray) -> Iterable[bytes]:
    if isinstance(part, bytes):
        return repeat(part)
    column = fixed(part) if isinstance(part, np.ndarray) else part
    return column.to_pylist()


def timestamp_decoded(stored: Stored) -> int | None:
    """Microseconds since the epoch of a protobuf `Timestamp`; None where there is none."""
    if stored is None:
        return None
    parts, place = {_SECONDS: 0, _NANOS: 0}, 0
    while place < len(stored):
        tag = stored[place]
        parts[tag], place = read_varint(stored, place + 1)
    seconds = parts[_SECONDS]
    if seconds >> 63:
        seconds -= 1 << 64
    return seconds * MICROSECONDS + parts[_NANOS] // 1000
