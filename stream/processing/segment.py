"""A segment of interactions, its entities by number, and its negatives."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from stream.ingest.records import EventRecord
from stream.state.open_windows import Attribution, LabelledItem


@dataclass
class Segment:
    """Interactions in their order.

    Args:
        entries: the interactions.
        places: of them in the batch.
        attributions: of them to items of open lists.
    """

    entries: list[EventRecord] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    attributions: list[list[LabelledItem] | Attribution] = field(default_factory=list)


class IdIndexer:
    """Entities by number, in the order in which they are first named."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._numbers: dict[str, int] = {}
        self.of_events = self.numbers(ids)

    def numbers(self, ids: Sequence[str]) -> np.ndarray:
        """The numbers of entities; what is new gets the next one."""
        known = self._numbers
        return np.array([known.setdefault(each, len(known)) for each in ids], np.int64)

    @property
    def ids(self) -> list[str]:
        return list(self._numbers)


@dataclass(frozen=True)
class SampledNegatives:
    """Negatives, in the order of their positives.

    Args:
        of: (negatives,) which of the asks each is for.
        numbers: (negatives,) of `features.interner`.
        probabilities, oversampling: (negatives,) of `stream.state.known_items.Drawn`.
        own: (asks,) oversampling of the own item of each.
    """

    of: np.ndarray
    numbers: np.ndarray
    probabilities: np.ndarray
    oversampling: np.ndarray
    own: np.ndarray
