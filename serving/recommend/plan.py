"""Plans: how lists are made for each placement, put together once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.catalogue.catalogue import Catalogue
from serving.catalogue.filters import allowed, narrow
from serving.recommend.options import ListOptions
from serving.recommend.query import Query
from serving.retrieval.rankings import Rankings
from serving.retrieval.retrieve import Retrieval


@dataclass(frozen=True)
class Plan:
    """How lists of one placement are made."""

    options: ListOptions
    retrieval: Retrieval

    def allowed(self, catalogue: Catalogue, query: Query, time_s: float) -> np.ndarray:
        """Rows that may be shown by the request's filters and the placement's, (rows,) bool."""
        mask = allowed(catalogue, query.filters, time_s, query.exclude)
        narrow(mask, catalogue, self.options.filters, time_s)
        return mask


class Plans:
    """The plan of each placement, and that of requests that name none."""

    def __init__(self, catalogue: Catalogue, rankings: Rankings, options: ListOptions) -> None:
        self._plans = {
            name: Plan(
                chosen := options.at(name),
                Retrieval(catalogue, rankings, chosen.sources, chosen.limits, chosen.seen),
            )
            for name in ("", *options.placements)
        }

    @property
    def names(self) -> Sequence[str]:
        """Names of the placements."""
        return [name for name in self._plans if name]

    def __getitem__(self, placement: str) -> Plan:
        return self._plans[placement]
