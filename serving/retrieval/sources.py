"""The sources of candidates, one class each."""

from collections.abc import Callable

import numpy as np

from features.as_of import as_of
from features.predecessors import PREDECESSORS, followed, latest, predecessor_columns
from features.spec import GROUPS
from serving.catalogue.catalogue import Catalogue
from serving.retrieval.neighbours import FollowUps
from serving.retrieval.order import top_k
from serving.retrieval.rankings import Rankings
from serving.retrieval.source import CandidateSource, RetrievalRequest

# So many of the items that were met last speak for what comes next.
_LATEST = 5
_NONE = np.empty(0, np.int64)


class TwoTower:
    """Items whose vectors are nearest to the user's."""

    name: str = "two_tower"

    def find(self, wanted: RetrievalRequest, count: int) -> np.ndarray:
        if wanted.query is None or wanted.index is None:
            return _NONE
        return wanted.index.search(wanted.query, count, wanted.allowed)[0]


class Similar:
    """Items whose vectors are nearest to those of what the user met last."""

    name: str = "similar"

    def find(self, wanted: RetrievalRequest, count: int) -> np.ndarray:
        rows = wanted.recent_rows[:_LATEST]
        if wanted.index is None or not len(rows):
            return _NONE
        has = wanted.index.has(rows)
        if not has.any():
            return _NONE
        centre = wanted.index.vectors(rows[has]).mean(axis=0)
        return wanted.index.search(centre, count, wanted.allowed)[0]


class CoOccurrence:
    """Items that people met lately right after what the user met last."""

    name: str = "co_occurrence"

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def find(self, wanted: RetrievalRequest, count: int) -> np.ndarray:
        if PREDECESSORS is None:
            return _NONE
        recent = latest(wanted.recent)
        rows = self._catalogue.followers.of(recent.tolist())
        rows = rows[rows < len(wanted.allowed)]
        rows = rows[wanted.allowed[rows]]
        if not len(rows):
            return _NONE
        columns = self._catalogue.columns
        stored = {name: columns[name].values.take(rows) for name in predecessor_columns()}
        features = as_of(stored, "item", wanted.time_s)
        return rows[top_k(followed(features, recent, PREDECESSORS.fading), count)]


class Neighbours:
    """Items that other people met, by the votes of one kind of neighbours.

    Args:
        votes: of a request, and of what the catalogue knows.
    """

    def __init__(
        self,
        name: str,
        catalogue: Catalogue,
        votes: Callable[[RetrievalRequest, Catalogue], FollowUps],
    ) -> None:
        self.name = name
        self._catalogue, self._votes = catalogue, votes

    def find(self, wanted: RetrievalRequest, count: int) -> np.ndarray:
        keys, rows, _ = self._votes(wanted, self._catalogue)
        keys, rows = (each[(rows >= 0) & (rows < len(wanted.allowed))] for each in (keys, rows))
        # A row whose item was deleted may be another's now.
        return rows[wanted.allowed[rows] & (self._catalogue.keys(rows) == keys)][:count]


class Category:
    """Items of the categories of what the user met last, those first that are popular lately."""

    name: str = "category"

    def __init__(self, catalogue: Catalogue, rankings: Rankings) -> None:
        self._catalogue, self._rankings = catalogue, rankings

    def find(self, wanted: RetrievalRequest, count: int) -> np.ndarray:
        categories = self._catalogue.values(GROUPS)[: len(wanted.allowed)]
        keys = np.unique(categories.take(wanted.recent_rows[:_LATEST], axis=0))
        keys = keys[keys != 0]
        if not len(keys):
            return _NONE
        mask = wanted.allowed.copy()
        mask[: len(categories)] &= np.isin(categories, keys).any(axis=1)
        return self._rankings.trending(count, mask, wanted.time_s)


class Ranked:
    """The same items for everybody, in an order that is kept.

    Args:
        first: (count, allowed, time) -> rows; of `Rankings`.
    """

    def __init__(self, name: str, first: Callable[[int, np.ndarray, float], np.ndarray]) -> None:
        self.name = name
        self._first = first

    def find(self, wanted: RetrievalRequest, count: int) -> np.ndarray:
        return self._first(count, wanted.allowed, wanted.time_s)


def _of_people(wanted: RetrievalRequest, catalogue: Catalogue) -> FollowUps:
    return wanted.follow_ups(catalogue.people)


def _of_items(wanted: RetrievalRequest, catalogue: Catalogue) -> FollowUps:
    return wanted.alike(catalogue.neighbours)


def all_sources(catalogue: Catalogue, rankings: Rankings) -> dict[str, CandidateSource]:
    """Every source by its name; those that may run short first."""
    found: tuple[CandidateSource, ...] = (
        CoOccurrence(catalogue),
        Neighbours("session_neighbours", catalogue, _of_people),
        Neighbours("item_neighbours", catalogue, _of_items),
        Category(catalogue, rankings),
        Similar(),
        TwoTower(),
        Ranked("trending", rankings.trending),
        Ranked("popular", rankings.popular),
        Ranked("recent", rankings.recent),
    )
    return {source.name: source for source in found}
