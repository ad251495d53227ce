"""How lists are made, unless a request says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from millstream.settings import Settings, SourceName
from serving.rerank.arrange import Diversity
from serving.retrieval.retrieve import SHARES

# Of the whole budget: how long the user's row may take, when ranking must have begun, and when the
# search for the best order must end.
USER_SHARE = 0.4
RANK_SHARE = 0.7
ARRANGE_SHARE = 0.85


@dataclass(frozen=True)
class ListOptions:
    """Choices of the installation.

    Args:
        candidates: how many are ranked for one list.
        budget_s: for one list, seconds.
        diversity: of lists.
        diversity_strength: the share of its odds that an item loses for a like one above it.
        exploration: the share of places given to chance, 0 to 1.
        temperature: where there is one, places are drawn by softmax of scores over it instead.
        most_in_flight: when more requests than these are on their way, those that come get a list
            that costs little, so that the queue becomes shorter and not longer.
        at_once: requests that are on their way at most; others wait a little or are turned away.
        title_similarity: from which Jaccard similarity of titles two items are near-duplicates.
        vector_similarity: from which cosine of their vectors on two items are near-duplicates;
            it counts only for items that have been met.
        sources: shares of the candidates by source.
        limits: the most candidates of a source.
    """

    candidates: int = 500
    budget_s: float = 0.1
    diversity: Diversity = "mmr"
    diversity_strength: float = 0.5
    exploration: float = 0.0
    temperature: float | None = None
    most_in_flight: int = 8
    at_once: int = 12
    title_similarity: float = 0.9
    vector_similarity: float = 0.995
    sources: Mapping[SourceName, float] = field(default_factory=lambda: SHARES)
    limits: Mapping[SourceName, int] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "ListOptions":
        """Those that the settings choose."""
        return cls(
            candidates=settings.candidates,
            budget_s=settings.request_budget_ms / 1000.0,
            diversity=settings.diversity,
            diversity_strength=settings.diversity_strength,
            exploration=settings.exploration,
            temperature=settings.exploration_temperature,
            sources=settings.retrieval_sources,
            limits=settings.retrieval_limits,
        )
