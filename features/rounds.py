"""Columnar transitions in wavefronts: rounds of events that do not depend on one another.

An entity's events follow one another, those of different entities do not meet. So the first events
of all entities are one step over arrays, then their second events, and so on: rounds. Entities are
in the order of how many events they have, the most first; those of a round are then the first few
of those of the round before, and nothing has to be looked up.

    rows    0 .. entities - 1     values before, by rank
            entities ..           values after each event, round by round
"""

from collections.abc import Iterator

import numpy as np


class Rounds:
    """Rows of the values before and after each event: wavefronts of independent events.

    Args:
        entity_of: (events,) which entity each event is of, in the order of the events.
        entities: how many there are.
    """

    def __init__(self, entity_of: np.ndarray, entities: int) -> None:
        counts = np.bincount(entity_of, minlength=entities)
        self.by_rank = np.argsort(-counts, kind="stable")
        self.rank = np.empty(entities, np.intp)
        self.rank[self.by_rank] = np.arange(entities)
        self.by_entity = np.argsort(entity_of, kind="stable")
        starts = np.cumsum(counts) - counts
        nth = np.empty(len(entity_of), np.intp)
        nth[self.by_entity] = np.arange(len(entity_of)) - np.repeat(starts, counts)
        self.order = np.lexsort((self.rank[entity_of], nth))
        self._sizes = np.bincount(nth).tolist()
        self.after = np.empty(len(entity_of), np.intp)
        self.after[self.order] = entities + np.arange(len(entity_of))
        self.before = self.rank[entity_of]
        again = nth[self.by_entity] > 0
        follows, leads = self.by_entity[again], self.by_entity[np.flatnonzero(again) - 1]
        self.before[follows] = self.after[leads]
        self._entities = entities
        # Ascending, as `by_entity` is: by entity, then by event.
        self._keys = (entity_of * (len(entity_of) + 1) + np.arange(len(entity_of)))[self.by_entity]

    def row_before(self, entities: np.ndarray, events: np.ndarray) -> np.ndarray:
        """The newest rows of entities when all events before these were processed, (lookups,)."""
        firsts = entities * (len(self.order) + 1)
        places = np.searchsorted(self._keys, firsts + events) - 1
        if not len(self._keys):
            return self.rank[entities]
        has_moved = (places >= 0) & (self._keys[places] >= firsts)
        return np.where(has_moved, self.after[self.by_entity[places]], self.rank[entities])

    def __iter__(self) -> Iterator[tuple[slice, slice, slice]]:
        """Round by round: rows before, rows after, and which of `order`."""
        start, before = 0, 0
        for size in self._sizes:
            stop = start + size
            after = self._entities + start
            yield slice(before, before + size), slice(after, after + size), slice(start, stop)
            start, before = stop, after
