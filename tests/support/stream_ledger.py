"""What several stream workers have made of a log, beside what one plain fold makes of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from features.feature import View
from features.spec import ITEM_STATS, USER_STATS, features_of
from millstream.events import Event, Interaction
from millstream.settings import Settings
from simulation.store import SimulatedStore
from tests.support.stream_cases import MemoryStream
from tests.support.stream_outcome import examples, online

_AT_ONCE = 1_000


@dataclass(frozen=True)
class Ledger:
    """Events by how often they were learnt from, as a consumer keeps examples.

    Args:
        lost: events without an example of their own.
        doubled: events with more than one, or with more negatives than were asked for.
        sampled: how many negatives there are.
    """

    lost: list[str]
    doubled: list[str]
    sampled: int


def ledger(settings: Settings, events: Iterable[Event]) -> Ledger:
    """The ledger of positives without a list, by their ids."""
    rows = examples(settings)
    own = Counter(row["event_id"] for row in rows if row["row"] == 0)
    negatives = Counter(row["event_id"] for row in rows if row["row"] > 0)
    wanted = {event.event_id for event in events}
    most = settings.sampled_negatives
    return Ledger(
        sorted(wanted - own.keys()),
        sorted(e for e in wanted if own[e] > 1 or negatives[e] > most),
        negatives.total(),
    )


def folded(events: Sequence[Event], **rules: Any) -> SimulatedStore:
    """The features of distinct events in the order of their times, by one core in memory."""
    stream, store = MemoryStream(**rules), SimulatedStore("ledger")
    distinct = {event.event_id: event for event in events}
    ordered = sorted(distinct.values(), key=lambda event: event.event_time)
    for start in range(0, len(ordered), _AT_ONCE):
        store.keep(stream.run(*ordered[start : start + _AT_ONCE]))
    return store


def differing(settings: Settings, events: Sequence[Event], store: SimulatedStore) -> list[str]:
    """Users and items whose online features are not, bit for bit, those of a fold."""
    clicks = [event for event in events if isinstance(event, Interaction)]
    users = sorted({event.user_id for event in clicks})
    items = sorted({event.item_id for event in clicks})
    return [
        *_differing(settings, USER_STATS, users, store),
        *_differing(settings, ITEM_STATS, items, store),
    ]


def _differing(settings: Settings, view: View, ids: list[str], store: SimulatedStore) -> list[str]:
    names = [feature.name for feature in features_of(view)]
    found = {row[view.key]: row for row in online(settings, view, ids)}
    wrong = []
    for each in ids:
        expected = store.row((view,), each)
        if any(_plain(found[each][name]) != _plain(expected.get(name)) for name in names):
            wrong.append(f"{view.entity} {each}")
    return wrong


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value
