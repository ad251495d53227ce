"""Candidates for one request: enough of them that the user has not seen."""

from dataclasses import dataclass

import numpy as np

from serving.catalogue.catalogue import Catalogue
from serving.retrieval.candidates import Candidates, merge, shares
from serving.retrieval.item_index import ItemIndex
from serving.retrieval.rankings import Rankings
from serving.retrieval.seen import FRESH, seen_levels
from serving.users import StoredUser

TWO_TOWER, TRENDING, POPULAR, RECENT = "two_tower", "trending", "popular", "recent"
SHARES = {TWO_TOWER: 0.72, TRENDING: 0.1, POPULAR: 0.1, RECENT: 0.08}
_DEEPER = 4


@dataclass(frozen=True)
class RetrievalRequest:
    """Retrieval request: what may be shown, and how much of it.

    Args:
        allowed: shape (rows,), bool: what may be shown at all.
        fresh: how many candidates must be unseen, if there are so many.
        total: how many candidates to fetch at first.
        query: the user's vector, or one for each interest; None without a retriever.
        index: of the item vectors, None without a retriever.
    """

    allowed: np.ndarray
    fresh: int
    total: int
    time_s: float
    query: np.ndarray | None = None
    index: ItemIndex | None = None


def retrieve(
    request: RetrievalRequest, user: StoredUser, catalogue: Catalogue, rankings: Rankings
) -> tuple[Candidates, np.ndarray]:
    """Candidates and how surely each was seen (`seen_levels`).

    Where too few are fresh, every source is asked for more, until the catalogue is exhausted: a
    list is short only when there is nothing left to show.
    """
    recent = catalogue.rows(user.certainly_seen)
    total, there = request.total, int(np.count_nonzero(request.allowed))
    while True:
        candidates = _found(request, total, rankings)
        bits = catalogue.filter_bits(candidates.rows)
        levels = seen_levels(candidates.rows, bits, recent, user.filters)
        if np.count_nonzero(levels == FRESH) >= request.fresh or len(candidates) >= there:
            return candidates, levels
        total *= _DEEPER


def _found(request: RetrievalRequest, total: int, rankings: Rankings) -> Candidates:
    found = {}
    if request.query is None or request.index is None:
        count = shares(total, {name: SHARES[name] for name in (TRENDING, POPULAR, RECENT)})
    else:
        count = shares(total, SHARES)
        found[TWO_TOWER], _ = request.index.search(request.query, count[TWO_TOWER], request.allowed)
    found[TRENDING] = rankings.trending(count[TRENDING], request.allowed, request.time_s)
    found[POPULAR] = rankings.popular(count[POPULAR], request.allowed, request.time_s)
    found[RECENT] = rankings.recent(count[RECENT], request.allowed, request.time_s)
    return merge(found)
