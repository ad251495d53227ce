"""Candidates for one request: enough of them that the user has not seen."""

from collections.abc import Mapping
from typing import get_args

import numpy as np

from millstream.domain import project_folder
from millstream.settings import SourceName
from serving.catalogue.catalogue import Catalogue
from serving.retrieval.candidates import Candidates, fuse
from serving.retrieval.own_source import OwnSource
from serving.retrieval.rankings import Rankings
from serving.retrieval.seen import FRESH, SEEN_BEHIND, SeenPolicy, seen_levels
from serving.retrieval.source import CandidateSource, RetrievalRequest
from serving.retrieval.sources import all_sources
from serving.users import StoredUser

SHARES: Mapping[str, float] = {
    "two_tower": 0.3,
    "co_occurrence": 0.15,
    "item_neighbours": 0.2,
    "trending": 0.15,
    "popular": 0.1,
    "recent": 0.1,
}
_DEEPER = 4


class Retrieval:
    """The chosen sources and their shares.

    Args:
        weights: shares by source, above 0; others are not asked.
        limits: the most candidates of a source, whatever its share is.
        seen: which items count as seen, and where they go.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        rankings: Rankings,
        weights: Mapping[str, float] = SHARES,
        limits: Mapping[str, int] | None = None,
        seen: SeenPolicy = SEEN_BEHIND,
    ) -> None:
        self._catalogue = catalogue
        self.weights = {name: weight for name, weight in weights.items() if weight > 0}
        own = [name for name in self.weights if name not in get_args(SourceName)]
        # What a project's own brings is known to nobody before: it may run short.
        self._sources: dict[str, CandidateSource] = {
            **{name: OwnSource(name, project_folder(), catalogue) for name in own},
            **all_sources(catalogue, rankings),
        }
        self._limits = dict(limits or {})
        self._seen = seen
        self._order = [name for name in self._sources if name in self.weights]

    def retrieve(self, wanted: RetrievalRequest, user: StoredUser) -> tuple[Candidates, np.ndarray]:
        """Candidates and how surely each was seen (`seen_levels`); all fresh if that is off.

        Where too few are fresh, every source is asked for more, until the catalogue is exhausted: a
        list is short only when there is nothing left to show.
        """
        recent = self._catalogue.rows(user.seen_by(self._seen.rule, wanted.time_s))
        total, there = wanted.total, int(np.count_nonzero(wanted.allowed))
        # Then every source is asked for as many as there are, and may still know fewer: rankings
        # are of a moment ago.
        all_of_each = there * sum(self.weights.values()) / min(self.weights.values())
        is_first = True
        while True:
            candidates = fuse(self.found(wanted, total, limited=is_first), self.weights)
            levels = self._levels(candidates.rows, recent, user, wanted.time_s)
            is_enough = np.count_nonzero(levels == FRESH) >= wanted.fresh
            is_all = len(candidates) >= there or (not is_first and total >= all_of_each)
            if is_enough or is_all:
                break
            total, is_first = total * _DEEPER, False
        if self._seen.goes == "out":
            fresh = levels == FRESH
            return candidates.at(fresh), levels[fresh]
        return candidates, levels

    def _levels(
        self, rows: np.ndarray, recent: np.ndarray, user: StoredUser, time_s: float
    ) -> np.ndarray:
        if self._seen.goes == "off":
            return np.full(len(rows), FRESH, np.int8)
        items = self._catalogue.to_be_seen(rows)
        return seen_levels(items, recent, user, self._seen.rule, time_s)

    def found(
        self, wanted: RetrievalRequest, total: int, *, limited: bool = True
    ) -> dict[str, np.ndarray]:
        """What each source brings of `total` candidates.

        Those that may run short are asked first: what they lack of their share the others bring,
        by their weights, and none is asked twice.

        Args:
            limited: whether the limits hold.
        """
        found: dict[str, np.ndarray] = {}
        left, weight_left = total, sum(self.weights.values())
        for name in self._order:
            share = round(left * self.weights[name] / weight_left) if weight_left > 0 else left
            count = min(share, self._limits.get(name, share)) if limited else share
            found[name] = self._sources[name].find(wanted, count)
            left -= len(found[name])
            weight_left -= self.weights[name]
        return found

    def first(self, name: str, wanted: RetrievalRequest, count: int) -> np.ndarray:
        """The first `count` of one source, whatever its share is."""
        return self._sources[name].find(wanted, count)
