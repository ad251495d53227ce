"""Lists that are the same for everybody: what is popular, what is like an item."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from features.spec import GROUPS, TITLE
from millstream.clock import Clock
from serving.catalogue.catalogue import Catalogue
from serving.catalogue.filters import Filters, allowed
from serving.model.served import ServedModel
from serving.recommend.degraded import Degraded
from serving.recommend.query import Recommended
from serving.retrieval.rankings import Rankings


@dataclass(frozen=True)
class ItemList:
    """Items and what they were found with."""

    items: Sequence[Recommended]
    model_version: str = ""
    degraded: Sequence[Degraded] = ()


class Lists:
    """Makes lists that know no user; they are not logged, so nothing is learnt from them."""

    def __init__(
        self,
        catalogue: Catalogue,
        rankings: Rankings,
        model: Callable[[], ServedModel | None],
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._rankings = rankings
        self._model = model
        self._clock = clock

    def popular(self, k: int, category: str | None = None) -> ItemList:
        """The most popular items, of one category if it is given."""
        filters = Filters(categories=[category] if category else [])
        return ItemList(self._popular(k, allowed(self._catalogue, filters, self._clock.now())))

    def similar(self, item_id: str, k: int) -> ItemList | None:
        """The items whose vectors are nearest to that of `item_id`; None for an unknown item.

        Without a vector it is what is popular in the item's categories.
        """
        row = self._catalogue.row(item_id)
        if row is None:
            return None
        model, now_s = self._model(), self._clock.now()
        retriever = model.retriever if model else None
        at = np.array([row])
        if retriever is None or not retriever.index.has(at)[0]:
            categories = self._catalogue.columns[GROUPS].text(row)
            mask = allowed(self._catalogue, Filters(categories=categories), now_s, [item_id])
            return ItemList(self._popular(k, mask), degraded=["retriever"])
        mask = allowed(self._catalogue, Filters(), now_s, [item_id])
        rows, scores = retriever.index.search(retriever.index.vectors(at)[0], k, mask)
        return ItemList(self._items(rows, scores, "two_tower"), str(model.version) if model else "")

    def _popular(self, k: int, mask: np.ndarray) -> list[Recommended]:
        now_s = self._clock.now()
        rows = self._rankings.popular(k, mask, now_s)
        return self._items(rows, self._rankings.popularity(rows, now_s), "popular")

    def _items(self, rows: np.ndarray, scores: np.ndarray, source: str) -> list[Recommended]:
        titles = self._catalogue.columns[TITLE]
        return [
            Recommended(self._catalogue.ids[row], titles.text(row), place, float(score), [source])
            for place, (row, score) in enumerate(zip(rows.tolist(), scores, strict=True))
        ]
