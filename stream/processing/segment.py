"""A segment of interactions, and the result of processing it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from stream.ingest.records import EventRecord
from stream.processing.columns import UNKNOWN
from stream.state.entities import Item, User
from stream.state.open_windows import Attribution, LabelledItem


@dataclass
class Segment:
    """Interactions in their order.

    Args:
        entries: the interactions.
        places: of them in the batch.
        attributions: of them to items of open lists.
        out_of_step_s: how far partitions were out of step before the batch.
    """

    out_of_step_s: float = 0.0
    entries: list[EventRecord] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    attributions: list[list[LabelledItem] | Attribution] = field(default_factory=list)


@dataclass(frozen=True)
class SegmentResult:
    """Result of processing one segment, beside the feature rows and the memory.

    Args:
        outcomes: by event.
        examples: rows for `stream.outputs.examples.published`, None for none, and the place in the
            batch of each row's event.
        users, items: those that changed, by id.
        overflow: (user, entry): entries of the users' seen filters, in their order.
    """

    outcomes: list[str]
    examples: tuple[pa.Table, np.ndarray] | None
    users: dict[str, User]
    items: dict[str, Item]
    overflow: list[tuple[str, str | int]]


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
        of: (negatives,) which of the events that want examples each is for.
        numbers: (negatives,) of `features.interner`.
        probabilities, oversampling: (negatives,) of `stream.state.known_items.Drawn`.
        own: (events,) oversampling of the own item of each event that wants an example.
    """

    of: np.ndarray
    numbers: np.ndarray
    probabilities: np.ndarray
    oversampling: np.ndarray
    own: np.ndarray


@dataclass(frozen=True)
class AsOfRows:
    """Rows of the states right before the examples' times, `UNKNOWN` where forgotten."""

    users: np.ndarray
    items: np.ndarray
    negatives: np.ndarray

    @property
    def is_known(self) -> np.ndarray:
        """Which events can make an example."""
        return (self.users != UNKNOWN) & (self.items != UNKNOWN)
