"""Protocol of a source of candidates, and what it is asked."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from features.predecessors import latest
from serving.retrieval.item_index import ItemIndex
from serving.retrieval.item_neighbours import ItemNeighbours
from serving.retrieval.neighbours import FollowUps, RecentPeople


@dataclass(frozen=True)
class RetrievalRequest:
    """Retrieval request: what may be shown, and how much of it.

    Args:
        allowed: shape (rows,), bool: what may be shown at all.
        fresh: how many candidates must be unseen, if there are so many.
        total: how many candidates to fetch at first.
        query: the user's vector, or one for each interest; None without a retriever.
        index: of the item vectors, None without a retriever.
        recent: keys of the items that the user met last, int64, the newest first.
        recent_rows: catalogue rows of those of them that are known.
    """

    allowed: np.ndarray
    fresh: int
    total: int
    time_s: float
    query: np.ndarray | None = None
    index: ItemIndex | None = None
    recent: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    recent_rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    _asked: dict[str, FollowUps] = field(default_factory=dict, repr=False)

    def follow_ups(self, people: RecentPeople) -> FollowUps:
        """Items that the people of whom this reminds have met; asked once, whoever wants them."""
        if "people" not in self._asked:
            self._asked["people"] = people.follow_ups(latest(self.recent), self.time_s)
        return self._asked["people"]

    def alike(self, items: ItemNeighbours) -> FollowUps:
        """Items that the same people met together with those met last; asked once, too."""
        if "items" not in self._asked:
            self._asked["items"] = items.nearest(self.recent, self.time_s)
        return self._asked["items"]


class CandidateSource(Protocol):
    """One way to find candidates.

    Attributes:
        name: in settings, metrics and logs.
    """

    name: str

    def find(self, wanted: RetrievalRequest, count: int) -> np.ndarray:
        """Up to `count` allowed catalogue rows, int64, each once, best first.

        None where the source has nothing to go by (no vector, nothing met). It runs beside the
        thread that changes the catalogue.
        """
        ...
