"""Effects as Kafka messages, cut so that each fits and no event's rows are parted.

A consumer that restarts drops rows at or below the positions it has seen. Rows of one event share
their position, so they must come in one message.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from millstream.batches import encode_table
from millstream.topics import DEAD_LETTERS, EXAMPLES, FEATURES, Topic
from stream.effects import Effects

# Kafka's own limit for a message is 1 MiB, headers included.
MAX_MESSAGE_BYTES = 900_000
# In memory; what is larger is cut before it is encoded, as it would most likely not fit.
MAX_TABLE_BYTES = 2 * MAX_MESSAGE_BYTES


@dataclass(frozen=True)
class Message:
    """One message to produce."""

    topic: Topic
    key: bytes | None
    value: bytes


def messages(effects: Effects) -> list[Message]:
    """Everything that a batch publishes, in order."""
    found: list[Message] = []
    for source, table in effects.examples:
        metadata = _positions_of(source, effects)
        found += [Message(EXAMPLES, None, value) for value in _parts(table, metadata)]
    for rows in effects.features:
        metadata = {"view": rows.view.name, **_positions_of(rows.source_topic, effects)}
        key = rows.view.name.encode()
        found += [Message(FEATURES, key, value) for value in _parts(rows.rows, metadata)]
    for letter in effects.dead_letters:
        key = f"{letter.topic}:{letter.partition}".encode()
        found.append(Message(DEAD_LETTERS, key, letter.encode()))
    return found


def _positions_of(topic: Topic, effects: Effects) -> dict[str, str]:
    """What the rows' positions are of: a topic, and which log it is, where that is known."""
    log = effects.logs.get(topic.name)
    return {"source_topic": topic.name, **({"source_log": log} if log else {})}


def _parts(table: pa.Table, metadata: dict[str, str]) -> Iterator[bytes]:
    value = encode_table(table, metadata) if table.nbytes <= MAX_TABLE_BYTES else None
    is_small = value is not None and len(value) <= MAX_MESSAGE_BYTES
    cut = 0 if is_small else _middle(table)
    if cut:
        yield from _parts(table.slice(0, cut), metadata)
        yield from _parts(table.slice(cut), metadata)
    else:
        yield value or encode_table(table, metadata)


def _middle(table: pa.Table) -> int:
    """Where to cut a table in two: near its middle, between two events; 0 if it has but one."""
    partitions = table["source_partition"].to_numpy()
    offsets = table["source_offset"].to_numpy()
    new = (np.diff(offsets) != 0) | (np.diff(partitions) != 0)
    starts = np.flatnonzero(new) + 1
    if not len(starts):
        return 0
    return int(starts[np.abs(starts - len(offsets) // 2).argmin()])
