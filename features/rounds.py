"""Columnar transitions in wavefronts: the same steps as `features/state.py`, bit by bit.

An entity's events follow one another, those of different entities do not meet. So the first events
of all entities are one step over arrays, then their second events, and so on: rounds. Entities are
in the order of how many events they have, the most first; those of a round are then the first few
of those of the round before, and nothing has to be looked up.

    rows    0 .. entities - 1     values before, by rank
            entities ..           values after each event, round by round
"""

from collections.abc import Iterator

import numpy as np

from features.interner import NOTHING
from features.spec import RECENT_ITEMS
from features.state import ITEM_COUNTERS, TRACKED_CATEGORIES, USER_COUNTERS, affinity_left


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


def advance_items(
    rows: np.ndarray,
    rounds: Rounds,
    ages_s: np.ndarray,
    positive: np.ndarray,
    voters: np.ndarray,
) -> None:
    """Fill in the values after each event.

    Args:
        rows: (entities + events,) of `ITEM_VALUES`, of which the first ones are given.
        ages_s: (events,) seconds since the entity's event before.
        positive: (events,) bool.
        voters: (events,) whose events they are, `features.state.voter`.
    """
    is_new = _advance_voters(rows["voters"], rounds, positive, voters)
    taken = ITEM_COUNTERS.taken(positive, is_new)
    _advance_counts(rows["counts"], rounds, ITEM_COUNTERS.left(ages_s), taken)


def advance_users(
    rows: np.ndarray,
    rounds: Rounds,
    ages_s: np.ndarray,
    positive: np.ndarray,
    items: np.ndarray,
    categories: np.ndarray,
) -> None:
    """Fill in the values after each event.

    Args:
        rows: (entities + events,) of `USER_VALUES`, of which the first ones are given.
        ages_s, positive: as in `advance_items`.
        items: (events,) numbers of `features.interner`.
        categories: (events, most) numbers of the item's categories, padded with 0.
    """
    left, taken = USER_COUNTERS.left(ages_s), USER_COUNTERS.taken(positive)
    _advance_counts(rows["counts"], rounds, left, taken)
    faded, order = affinity_left(ages_s)[rounds.order], rounds.order
    positive, items, categories = positive[order], items[order], categories[order]
    for before, after, part in rounds:
        old, new = rows[before], rows[after]
        new["recent"] = _recent_with(old["recent"], items[part])
        strengths = _Strengths(old, faded[part, None], categories.shape[1])
        for column in categories[part].T:
            strengths.add(column, positive[part])
        strengths.write(new)


def _advance_voters(
    rows: np.ndarray, rounds: Rounds, positive: np.ndarray, voters: np.ndarray
) -> np.ndarray:
    """Fill in who has voted after each event; (events,) bool, whether each is by somebody new."""
    is_new, is_known = np.empty(len(voters), bool), np.empty(len(voters), bool)
    positive, voters = positive[rounds.order, None], voters[rounds.order, None]
    for before, after, part in rounds:
        old, by, known = rows[before], voters[part], is_known[part]
        np.logical_or.reduce(old == by, 1, out=known)
        votes = positive[part] > known[:, None]
        rows[after] = np.where(votes, np.concatenate((by, old[:, :-1]), 1), old)
    is_new[rounds.order] = ~is_known
    return is_new


def _advance_counts(
    counts: np.ndarray, rounds: Rounds, left: np.ndarray, taken: np.ndarray
) -> None:
    left, taken = left[rounds.order], taken[rounds.order]
    for before, after, part in rounds:
        counts[after] = counts[before] * left[part] + taken[part]


def _recent_with(recent: np.ndarray, items: np.ndarray) -> np.ndarray:
    """`features.state.recent_with` for (rows, RECENT_ITEMS) and (rows,)."""
    same = recent == items[:, None]
    place = np.where(same.any(1), same.argmax(1), RECENT_ITEMS - 1)
    moved = np.empty_like(recent)
    moved[:, 0] = items
    moved[:, 1:] = np.where(
        np.arange(1, RECENT_ITEMS) <= place[:, None], recent[:, :-1], recent[:, 1:]
    )
    return moved


class _Strengths:
    """Affinities of (rows,) users while one event of each is added, category by category.

    Args:
        old: of `USER_VALUES`.
        left: (rows, 1) what is left of the old strengths.
        most: how many categories may be added.
    """

    def __init__(self, old: np.ndarray, left: np.ndarray, most: int) -> None:
        self._used = np.count_nonzero(old["categories"], axis=1)
        known = int(self._used.max(initial=0))
        shape = len(old), known + most
        self._names = np.zeros(shape, np.int32)
        self._events, self._positives = np.zeros(shape), np.zeros(shape)
        self._names[:, :known] = old["categories"][:, :known]
        np.multiply(old["events"][:, :known], left, out=self._events[:, :known])
        np.multiply(old["positives"][:, :known], left, out=self._positives[:, :known])

    def add(self, categories: np.ndarray, positive: np.ndarray) -> None:
        """One category of each row's event, (rows,); `NOTHING` where it has no more."""
        has = categories != NOTHING
        if has.all():
            self._add(slice(None), categories, positive)
        elif has.any():
            self._add(np.flatnonzero(has), categories[has], positive[has])

    def _add(self, rows: np.ndarray | slice, categories: np.ndarray, positive: np.ndarray) -> None:
        names, events, positives = self._names[rows], self._events[rows], self._positives[rows]
        each = np.arange(len(names))
        same = names == categories[:, None]
        is_known = same.any(1)
        place = np.where(is_known, same.argmax(1), self._used[rows])
        self._used[rows] += ~is_known
        strength = events[each, place] + 1.0
        positives_there = positives[each, place] + positive
        columns = np.arange(names.shape[1])
        inside = columns <= place[:, None]
        stronger = ((events >= strength[:, None]) & (columns < place[:, None])).sum(1)
        shifts = inside & (columns > stronger[:, None])
        for table, own, value in (
            (self._names, names, categories),
            (self._events, events, strength),
            (self._positives, positives, positives_there),
        ):
            moved = own.copy()
            moved[:, 1:] = np.where(shifts[:, 1:], own[:, :-1], own[:, 1:])
            moved[each, stronger] = value
            table[rows] = moved

    def write(self, new: np.ndarray) -> None:
        """The strongest of them."""
        width = min(self._names.shape[1], TRACKED_CATEGORIES)
        for name, table in (
            ("categories", self._names),
            ("events", self._events),
            ("positives", self._positives),
        ):
            new[name] = 0
            new[name][:, :width] = table[:, :width]
