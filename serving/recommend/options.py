"""How lists are made, unless a request says otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from features.seen import seen_rule
from millstream.domain import Domain, domain, project_folder
from millstream.domain.placements import DEFAULT, Placement
from millstream.list_choices import Diversity
from millstream.own_code import load
from millstream.rules import Rule
from millstream.settings import Settings
from serving.catalogue.filters import Filters, Range
from serving.retrieval.retrieve import SHARES
from serving.retrieval.seen import SEEN_BEHIND, SeenPolicy

# Sources that know what people met.
PEOPLE = ("session_neighbours", "item_neighbours")
# Of the whole budget: how long the user's row may take, when ranking must have begun, and when the
# search for the best order must end.
USER_SHARE = 0.4
RANK_SHARE = 0.7
ARRANGE_SHARE = 0.85


@dataclass(frozen=True)
class ListOptions:
    """Choices of the installation, or of one of its placements.

    Args:
        k: how many items, for requests that do not say.
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
        seen: which items count as seen, and where they go.
        filters: conditions on every item, beside the request's own.
        most_per_group: the most items of a list with the same first group.
        rules: of the project's own, that order candidates anew.
        placements: choices of the domain's placements, by name.
    """

    k: int = 10
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
    sources: Mapping[str, float] = field(default_factory=lambda: SHARES)
    limits: Mapping[str, int] = field(default_factory=dict)
    seen: SeenPolicy = SEEN_BEHIND
    filters: Filters = field(default_factory=Filters)
    most_per_group: int | None = None
    rules: Sequence[Rule] = ()
    placements: Mapping[str, "ListOptions"] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, declared: Domain | None = None) -> "ListOptions":
        """Those that the settings choose, and the placements of a domain: that of the process."""
        own = cls(
            candidates=settings.candidates,
            budget_s=settings.request_budget_ms / 1000.0,
            diversity=settings.diversity,
            diversity_strength=settings.diversity_strength,
            exploration=settings.exploration,
            temperature=settings.exploration_temperature,
            sources={str(name): each for name, each in settings.retrieval_sources.items()},
            limits={str(name): each for name, each in settings.retrieval_limits.items()},
        )
        declared = declared or domain()
        named = declared.placements.items()
        return replace(
            own, placements={name: own.changed(declared, placement) for name, placement in named}
        )

    def at(self, placement: str) -> "ListOptions":
        """Choices of a placement by name; "" is that of requests that name none.

        Raises:
            KeyError: there is no such placement.
        """
        if not placement:
            return self.placements.get(DEFAULT, self)
        return self.placements[placement]

    @property
    def uses_people(self) -> bool:
        """True if any placement, or lists without one, go by what other people met."""
        every = self, *self.placements.values()
        return any(each.sources.get(source) for each in every for source in PEOPLE)

    def changed(self, declared: Domain, placement: Placement) -> "ListOptions":
        """These choices, but for what a placement says otherwise."""
        said = {name: getattr(placement, name) for name in _SAME if getattr(placement, name)}
        if placement.exploration is not None:
            said |= {"exploration": placement.exploration, "temperature": placement.temperature}
        if placement.diversity_strength is not None:
            said["diversity_strength"] = placement.diversity_strength
        ranges = {name: Range(b.at_least, b.at_most) for name, b in placement.ranges.items()}
        filters = Filters(
            placement.groups,
            placement.exclude_groups,
            ranges,
            placement.max_age,
            placement.values,
        )
        said["rules"] = [load(name, project_folder()) for name in placement.rules]
        seen = SeenPolicy(seen_rule(declared.kinds, placement), placement.seen)
        return replace(self, **said, filters=filters, seen=seen)


# Choices that a placement has by the same name, none of them empty.
_SAME = ("k", "candidates", "sources", "diversity", "temperature", "most_per_group")
