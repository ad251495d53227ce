"""Entities whose events come out of order, through their histories: turn by turn, all at once."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from features.entity_rule import EntityRule, State
from features.history import History, add
from features.update import EventColumns
from stream.processing.columns import UNKNOWN, AsOfLookups

_LOOKUP, _EVENT = 0, 1  # a lookup comes before the event up to which it looks


class OutOfOrder:
    """Events and lookups of each entity in their order; `states` are those found on the way.

    Args:
        first_row: of `states` among all.
    """

    def __init__(
        self, rule: EntityRule, histories: Sequence[History], horizon_s: float, first_row: int
    ) -> None:
        self._rule, self._histories, self._horizon_s = rule, histories, horizon_s
        self._first_row = first_row
        self.states: list[State] = []

    def work(
        self,
        entity_of: np.ndarray,
        events: EventColumns,
        lookups: AsOfLookups,
        slow: np.ndarray,
        slow_lookups: np.ndarray,
        into: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> None:
        """Fill in the rows before and after events, and those of lookups."""
        before, after, as_of = into
        turns = _turns(entity_of, lookups, slow, slow_lookups)
        while turns:
            moving, which = [], []
            for entity, queue in turns.items():
                history = self._histories[entity]
                while queue and queue[0][0] == _LOOKUP:
                    lookup = queue.popleft()[1]
                    as_of[lookup] = self._row(history.before(float(lookups.times[lookup])))
                if queue:
                    event = queue.popleft()[1]
                    before[event] = self._row(history.newest)
                    moving.append(history)
                    which.append(event)
            add(self._rule, moving, [events.updates[event] for event in which], self._horizon_s)
            for history, event in zip(moving, which, strict=True):
                after[event] = self._row(history.newest)
            turns = {entity: queue for entity, queue in turns.items() if queue}

    def _row(self, state: State | None) -> int:
        if state is None:
            return UNKNOWN
        self.states.append(state)
        return self._first_row + len(self.states) - 1


def _turns(
    entity_of: np.ndarray, lookups: AsOfLookups, slow: np.ndarray, slow_lookups: np.ndarray
) -> dict[int, deque[tuple[int, int]]]:
    """By entity its lookups and events, in their order."""
    found = [
        (int(lookups.events[n]), _LOOKUP, n, int(lookups.entities[n]))
        for n in np.flatnonzero(slow_lookups).tolist()
    ]
    found += [(n, _EVENT, n, int(entity_of[n])) for n in np.flatnonzero(slow).tolist()]
    turns: dict[int, deque[tuple[int, int]]] = {}
    for _, turn, n, entity in sorted(found):
        turns.setdefault(entity, deque()).append((turn, n))
    return turns
