"""Events to a log."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.labels import label_of
from millstream.events import Event, Impression, Interaction, ItemUpsert, UserUpsert
from simulation.log import EventLog, Upsert, sessions_by_gap

SESSION_GAP_S = 1_800.0


def log_of_events(events: Iterable[Event]) -> EventLog:
    """The log of events in any order; a user's pause of 30 minutes ends a session."""
    whole = sorted(events, key=lambda event: event.event_time)
    done = [event for event in whole if isinstance(event, Interaction)]
    upserts: list[Upsert] = [e for e in whole if isinstance(e, ItemUpsert | UserUpsert)]
    times = np.array([event.event_time for event in done], np.float64)
    users, user_ids = numbered(pa.chunked_array([[event.user_id for event in done]], pa.string()))
    items, item_ids = numbered(pa.chunked_array([[event.item_id for event in done]], pa.string()))
    return EventLog(
        times,
        users,
        items,
        sessions_by_gap(users, times, SESSION_GAP_S),
        np.array([label_of(event.kind, event.value) == 1.0 for event in done], np.bool_),
        user_ids,
        item_ids,
        done,
        upserts,
        [event for event in whole if isinstance(event, Impression)],
    )


def numbered(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Each value as its number, in the order of first sight, and the values as text."""
    coded = pc.dictionary_encode(column.combine_chunks().cast(pa.string()))
    return coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist()
