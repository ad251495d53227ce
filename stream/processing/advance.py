"""What a run of events does to the histories of their users, or of their items.

An entity whose events come in the order of their times, and of which nobody asks for an earlier
time than its newest, is moved with all others in rounds (`features/rounds.py`). Any other goes
through its history event by event, which finds the place of what is late; to the last bit the
outcome is the same.
"""

from collections.abc import Sequence
from typing import Generic

import numpy as np

from features.history import History, add, trim
from features.rounds import Rounds
from features.state import Points, points_of
from stream.processing.columns import UNKNOWN, Happenings, Kind, Looks, Moves, P


def moved(
    kind: Kind[P],
    histories: Sequence[History[P]],
    entity_of: np.ndarray,
    events: Happenings,
    looks: Looks,
    horizon_s: float,
) -> Moves:
    """Put all events in their histories.

    Args:
        entity_of: (events,) places in `histories`.
        horizon_s: see `features.history.add`.
    """
    newest = points_of([history.newest for history in histories], kind.layout)
    rounds = Rounds(entity_of, len(histories))
    regular = _regular(kind, newest.times, rounds, entity_of, events, looks)
    if regular.all():
        return _in_rounds(kind, histories, newest, rounds, entity_of, events, looks, horizon_s)
    return _apart(kind, histories, newest, regular, entity_of, events, looks, horizon_s)


def _regular(
    kind: Kind[P],
    newest: np.ndarray,
    rounds: Rounds,
    entity_of: np.ndarray,
    events: Happenings,
    looks: Looks,
) -> np.ndarray:
    """Which entities may move in rounds, (entities,) bool."""
    times = np.concatenate([newest[rounds.by_rank], events.times[rounds.order]])
    regular = np.bincount(entity_of, minlength=len(newest)) <= kind.most
    regular[entity_of[times[rounds.before] >= events.times]] = False
    rows = rounds.row_before(looks.entities, looks.events)
    regular[looks.entities[times[rows] >= looks.times]] = False
    return regular


def _in_rounds(
    kind: Kind[P],
    histories: Sequence[History[P]],
    newest: Points,
    rounds: Rounds,
    entity_of: np.ndarray,
    events: Happenings,
    looks: Looks,
    horizon_s: float,
) -> Moves:
    entities = len(histories)
    times = np.concatenate([newest.times[rounds.by_rank], events.times[rounds.order]])
    rows = np.empty(len(times), kind.layout)
    rows[:entities] = newest.values[rounds.by_rank]
    kind.advance(rows, rounds, events.times - times[rounds.before], events)
    points = Points(times, rows)
    _remember(kind, histories, points, rounds, entity_of, events, horizon_s)
    seen = rounds.row_before(looks.entities, looks.events)
    return Moves(points, rounds.before, rounds.after, seen)


def _remember(
    kind: Kind[P],
    histories: Sequence[History[P]],
    points: Points,
    rounds: Rounds,
    entity_of: np.ndarray,
    events: Happenings,
    horizon_s: float,
) -> None:
    """The histories of the events' entities have them."""
    order = rounds.by_entity
    size, values = kind.layout.itemsize, points.values[rounds.after[order]].tobytes()
    point, updates = kind.point, events.updates
    ordered = [updates[event] for event in order.tolist()]
    new = [
        point(update.time, values[start : start + size])
        for update, start in zip(ordered, range(0, len(values), size), strict=True)
    ]
    moving, starts = np.unique(entity_of[order], return_index=True)
    stops = np.append(starts, len(order))[1:].tolist()
    for entity, start, stop in zip(moving.tolist(), starts.tolist(), stops, strict=True):
        history = histories[entity]
        history.updates += ordered[start:stop]
        history.points += new[start:stop]
        trim(history, horizon_s)


def _apart(
    kind: Kind[P],
    histories: Sequence[History[P]],
    newest: Points,
    regular: np.ndarray,
    entity_of: np.ndarray,
    events: Happenings,
    looks: Looks,
    horizon_s: float,
) -> Moves:
    """The regular ones in rounds, the others one after the other."""
    fast, fast_looks = regular[entity_of], regular[looks.entities]
    rank = np.cumsum(fast)  # of an event among those in rounds
    part = Looks(
        looks.entities[fast_looks],
        (rank - fast)[looks.events[fast_looks]],
        looks.times[fast_looks],
    )
    in_time = _taken(events, np.flatnonzero(fast))
    rounds = Rounds(entity_of[fast], len(histories))
    quick = _in_rounds(kind, histories, newest, rounds, entity_of[fast], in_time, part, horizon_s)
    slow = _Slowly(kind, histories, horizon_s, len(quick.points.times))
    before, after = np.empty(len(fast), np.intp), np.empty(len(fast), np.intp)
    seen = np.empty(len(fast_looks), np.intp)
    before[fast], after[fast], seen[fast_looks] = quick.before, quick.after, quick.seen
    slow.work(entity_of, events, looks, ~fast, ~fast_looks, (before, after, seen))
    more = points_of(slow.points, kind.layout)
    both = (np.concatenate(pair) for pair in zip(quick.points, more, strict=True))
    return Moves(Points(*both), before, after, seen)


def _taken(events: Happenings, which: np.ndarray) -> Happenings:
    return Happenings(
        [events.updates[event] for event in which.tolist()],
        events.times[which],
        events.positive[which],
        events.items[which],
        events.categories[which],
        events.voters[which],
    )


class _Slowly(Generic[P]):
    """Events and looks in their order; `points` are what was found on the way.

    Args:
        first_row: of `points` among all.
    """

    def __init__(
        self, kind: Kind[P], histories: Sequence[History[P]], horizon_s: float, first_row: int
    ) -> None:
        self._kind, self._histories, self._horizon_s = kind, histories, horizon_s
        self._first_row = first_row
        self.points: list[P] = []

    def work(
        self,
        entity_of: np.ndarray,
        events: Happenings,
        looks: Looks,
        slow: np.ndarray,
        slow_looks: np.ndarray,
        into: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> None:
        """Fill in the rows before and after events, and those of looks."""
        before, after, seen = into
        # A look comes before the event up to which it looks.
        turns = [(int(looks.events[n]), 0, n) for n in np.flatnonzero(slow_looks).tolist()]
        turns += [(n, 1, n) for n in np.flatnonzero(slow).tolist()]
        for _, is_event, n in sorted(turns):
            if not is_event:
                history = self._histories[looks.entities[n]]
                seen[n] = self._row(history.before(float(looks.times[n])))
                continue
            history = self._histories[entity_of[n]]
            before[n] = self._row(history.newest)
            newest = add(history, events.updates[n], self._kind.rule, self._horizon_s)
            after[n] = self._row(newest)

    def _row(self, point: P | None) -> int:
        if point is None:
            return UNKNOWN
        self.points.append(point)
        return self._first_row + len(self.points) - 1
