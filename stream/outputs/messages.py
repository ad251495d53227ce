"""Effects as Kafka messages, cut so that each fits and no event's rows are parted.

A consumer that restarts drops rows at or below the positions it has seen. Rows of one event share
their position, so they must come in one message. The bounds of `millstream/events.py` are such that
they fit; an event whose rows do not is a dead letter all the same, and the others go on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from millstream import erasures
from millstream.batches import encode_table, metadata_of
from millstream.dead_letters import DeadLetter
from millstream.topics import (
    BY_USER,
    DEAD_LETTERS,
    EXAMPLES,
    FEATURES,
    INTERACTIONS,
    TOUCHES,
    USERS,
    Topic,
)
from stream.ingest.records import StrayRecord
from stream.outputs.effects import Effects
from stream.outputs.examples import published, schema

# Kafka's own limit for a message is 1 MiB, headers included.
MAX_MESSAGE_BYTES = 900_000
# In memory; what is larger is cut before it is encoded, as it would most likely not fit.
MAX_TABLE_BYTES = 2 * MAX_MESSAGE_BYTES
# What a message of touches without any holds.
NO_TOUCHES = pa.table(
    {"source_partition": pa.array([], pa.int32()), "source_offset": pa.array([], pa.int64())}
)


@dataclass(frozen=True)
class OutputMessage:
    """One message to produce.

    Args:
        value: bytes; None where a deletion is moved.
        partition: None is that of the key.
        timestamp_s: Unix seconds; None is now.
        headers: names and values.
    """

    topic: Topic
    key: bytes | None
    value: Any
    partition: int | None = None
    timestamp_s: float | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def messages(effects: Effects) -> list[OutputMessage]:
    """Everything that a batch publishes, in order.

    An event whose rows do not fit into a message becomes one of `effects.dead_letters`.
    """
    now_s = effects.made_at
    found = [_moved(stray) for stray in effects.strays]
    found += touches_messages(effects)
    for source, table in effects.examples:
        values, unfit = _fitting(table, {**_positions_of(source, effects), **metadata_of(table)})
        found += [OutputMessage(EXAMPLES, None, value) for value in values]
        effects.dead_letters += [_letter(EXAMPLES, source, rows, now_s) for rows in unfit]
    for users, erased_at in effects.told_erased:
        told = {**_positions_of(USERS, effects), **erasures.metadata(users, erased_at)}
        none = published(schema().empty_table(), now_s)
        found.append(OutputMessage(EXAMPLES, None, encode_table(none, told)))
    for rows in effects.features:
        metadata = {"view": rows.view.name, **_positions_of(rows.source_topic, effects)}
        values, unfit = _fitting(rows.rows, metadata)
        found += [OutputMessage(FEATURES, rows.view.name.encode(), value) for value in values]
        effects.dead_letters += [_letter(FEATURES, rows.source_topic, r, now_s) for r in unfit]
    for letter in effects.dead_letters:
        key = f"{letter.topic}:{letter.partition}".encode()
        found.append(OutputMessage(DEAD_LETTERS, key, letter.encode()))
    return found


def touches_messages(effects: Effects) -> list[OutputMessage]:
    """What events ask of items, and then who is erased: the items' side tells the trainer."""
    values: list[bytes] = []
    if effects.touches:
        table = pa.concat_tables(effects.touches).combine_chunks()
        values, unfit = _fitting(table, {**_positions_of(INTERACTIONS, effects), **_by(effects)})
        effects.dead_letters += [_letter(TOUCHES, INTERACTIONS, r, effects.made_at) for r in unfit]
    if erased := effects.state.erased:
        told = erasures.metadata(erased, effects.made_at)
        values.append(encode_table(NO_TOUCHES, {"source_topic": USERS.name, **told}))
    return [OutputMessage(TOUCHES, None, value, 0) for value in values]


def _by(effects: Effects) -> dict[str, str]:
    """Metadata for `stream/ingest/touches_merge.py`; none where one worker has all partitions."""
    if not effects.by:
        return {}
    by = {"by": ",".join(map(str, effects.by))}
    return {**by, "has_more": "1"} if effects.has_more else by


def _moved(stray: StrayRecord) -> OutputMessage:
    """An event as it came, for the partition of its user."""
    topic = next(topic for topic in BY_USER if topic.name == stray.source.topic)
    origin, key = stray.origin, stray.event.user_id.encode()
    stamp_s = origin.timestamp_s if origin.timestamp_s >= 0.0 else None
    return OutputMessage(
        topic, key, stray.record.value, stray.partition, stamp_s, (origin.header(),)
    )


def _fitting(table: pa.Table, metadata: dict[str, str]) -> tuple[list[bytes], list[pa.Table]]:
    """The messages, and the rows of each event that do not fit into one."""
    values, unfit = [], []
    for rows, value in _parts(table, metadata):
        if len(value) <= MAX_MESSAGE_BYTES:
            values.append(value)
        else:
            unfit.append(rows)
    return values, unfit


def _positions_of(topic: Topic, effects: Effects) -> dict[str, str]:
    """Metadata of the rows' offsets: their topic, and which log it is, where known."""
    log = effects.logs.get(topic.name)
    return {"source_topic": topic.name, **({"source_log": log} if log else {})}


def _parts(table: pa.Table, metadata: dict[str, str]) -> Iterator[tuple[pa.Table, bytes]]:
    value = encode_table(table, metadata) if table.nbytes <= MAX_TABLE_BYTES else None
    is_small = value is not None and len(value) <= MAX_MESSAGE_BYTES
    cut = 0 if is_small else _middle(table)
    if cut:
        yield from _parts(table.slice(0, cut), metadata)
        yield from _parts(table.slice(cut), metadata)
    elif value is not None and is_small:
        yield table, value
    else:
        # The rows of a list repeat its user's values, at a distance that LZ4 does not look back.
        yield table, encode_table(table, metadata, compression="zstd")


def _letter(topic: Topic, source: Topic, rows: pa.Table, now_s: float) -> DeadLetter:
    """The dead letter for an event whose rows do not fit: its position tells where it is."""
    return DeadLetter(
        reason=f"Expected rows for topic {topic.name} of at most {MAX_MESSAGE_BYTES:,} bytes. "
        f"Received: {rows.num_rows:,} rows of {rows.nbytes:,} bytes",
        path="$",
        topic=source.name,
        partition=rows["source_partition"][0].as_py(),
        offset=rows["source_offset"][0].as_py(),
        key=None,
        original=None,
        failed_at=now_s,
    )


def _middle(table: pa.Table) -> int:
    """Row at which to cut a table: near its middle, between two events; 0 if it has but one."""
    partitions = table["source_partition"].to_numpy()
    offsets = table["source_offset"].to_numpy()
    new = (np.diff(offsets) != 0) | (np.diff(partitions) != 0)
    starts = np.flatnonzero(new) + 1
    if not len(starts):
        return 0
    return int(starts[np.abs(starts - len(offsets) // 2).argmin()])
