"""Availability of items, by the attributes that the domain names: from when, until when, in stock.

    available(t) = (from = 0 or from <= t) and (until = 0 or t < until) and in stock

What the catalogue does not say limits nothing: a time that is 0 is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.columns import Arrays
from millstream.domain import ItemSide, domain


@dataclass(frozen=True)
class AvailabilityColumns:
    """Columns that say when an item is available; None where the domain has none."""

    begins: str | None = None
    ends: str | None = None
    stock: str | None = None

    @classmethod
    def of(cls, item: ItemSide) -> "AvailabilityColumns":
        """Those that a domain names."""
        named = (item.available_from, item.available_until, item.in_stock)
        return cls(*(None if name is None else f"item_{name}" for name in named))

    @property
    def names(self) -> list[str]:
        """Those there are; none where every item is always available."""
        return [name for name in (self.begins, self.ends, self.stock) if name is not None]

    def available(self, values: Arrays, time_s: float) -> np.ndarray:
        """Which items are available at `time_s`, (items,) bool.

        Args:
            values: of `names`, (items,) each; there is one at least.
        """
        mask = np.ones(len(values[self.names[0]]), bool)
        if self.begins is not None:
            mask &= values[self.begins] <= time_s
        if self.ends is not None:
            mask &= (values[self.ends] == 0) | (time_s < values[self.ends])
        if self.stock is not None:
            mask &= values[self.stock] != 0
        return mask

    def span(self, values: Mapping[str, Any]) -> "Span":
        """The span that one item's attributes give."""
        begins_s, ends_s = (
            float(values.get(name) or 0.0) if name else 0.0 for name in (self.begins, self.ends)
        )
        return Span(begins_s, ends_s, bool(values.get(self.stock, 1)) if self.stock else True)


@dataclass(frozen=True)
class Span:
    """When an item is available, Unix seconds; 0 is no limit."""

    begins_s: float = 0.0
    ends_s: float = 0.0
    in_stock: bool = True

    def is_over(self, now_s: float) -> bool:
        """True if its time is over at `now_s`."""
        return 0.0 < self.ends_s <= now_s

    def is_open(self, now_s: float) -> bool:
        """True if it is available at `now_s`."""
        return self.in_stock and self.begins_s <= now_s and not self.is_over(now_s)

    def hidden(self) -> "Span":
        """The span of an item that is not to be shown meanwhile, but ends as it would."""
        return Span(0.0, self.ends_s, in_stock=False)

    def next_s(self, now_s: float) -> float | None:
        """The next moment at which that changes; None where it stays."""
        later = [at_s for at_s in (self.begins_s, self.ends_s) if at_s > now_s]
        return min(later) if later else None


ALWAYS = Span()
AVAILABILITY = AvailabilityColumns.of(domain().item)
