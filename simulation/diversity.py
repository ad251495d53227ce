"""Intra-list diversity: how little alike the items of a list are.

Reference: Ziegler et al., 2005, "Improving recommendation lists through topic diversification",
eq. 5 (as 1 less the mean similarity of all pairs).
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from millstream.events import ItemUpsert
from simulation.log import EventLog

# Lists that are looked at, evenly over the run.
_MOST_LISTS = 500

Similarity = Callable[[np.ndarray], np.ndarray]


def diversity(lists: Sequence[np.ndarray], similarity: Similarity) -> np.ndarray:
    """(lists,) 1 less the mean similarity of all pairs of each; NaN for those not looked at.

    >>> diversity([np.array([3, 5])], lambda items: np.array([[1.0, 0.25], [0.25, 1.0]])).tolist()
    [0.75]

    Args:
        similarity: (items,) -> (items, items) in [0, 1].
    """
    found = np.full(len(lists), np.nan)
    for place in range(0, len(lists), max(-(-len(lists) // _MOST_LISTS), 1)):
        if len(lists[place]) > 1:
            found[place] = _of_one(lists[place], similarity)
    return found


def _of_one(made: np.ndarray, similarity: Similarity) -> float:
    size, alike = len(made), similarity(made)
    return float(1.0 - (alike.sum() - np.trace(alike)) / (size * (size - 1)))


def by_sessions(log: EventLog) -> Similarity:
    """Cosine of the sessions in which items were met: two that the same people meet are alike."""
    keys = np.unique(log.items * np.int64(log.sessions.max(initial=0) + 1) + log.sessions)
    items, sessions = np.divmod(keys, np.int64(log.sessions.max(initial=0) + 1))
    begins = np.searchsorted(items, np.arange(len(log.item_ids) + 1))

    def similarity(of: np.ndarray) -> np.ndarray:
        own = [sessions[begins[item] : begins[item + 1]] for item in of.tolist()]
        sizes = np.array([len(each) for each in own], np.float64)
        met, place = np.unique(np.concatenate(own), return_inverse=True)
        matrix = np.zeros((len(own), len(met)), np.float32)
        matrix[np.repeat(np.arange(len(own)), sizes.astype(np.int64)), place] = 1.0
        scale = np.sqrt(np.maximum(np.outer(sizes, sizes), 1.0))
        return np.asarray((matrix @ matrix.T) / scale)

    return similarity


def by_categories(log: EventLog) -> Similarity | None:
    """Jaccard index of the items' categories; None where the log has none."""
    newest: Mapping[str, frozenset[str]] = {
        event.item_id: frozenset(event.categories)
        for event in log.upserts
        if isinstance(event, ItemUpsert)
    }
    if not any(newest.values()):
        return None

    def similarity(of: np.ndarray) -> np.ndarray:
        own = [newest.get(log.item_ids[item], frozenset()) for item in of.tolist()]
        return np.array([[len(a & b) / max(len(a | b), 1) for b in own] for a in own])

    return similarity
