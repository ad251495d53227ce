"""Histories and what came next, as arrays."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from models.evaluation.lists.ragged import Ragged

Batch = dict[str, np.ndarray]
HISTORY, TIMES, NOW, TARGET, NEGATIVES, MASKED = (
    "history",
    "history_times",
    "request_time",
    "target",
    "negatives",
    "masked",
)


@dataclass(frozen=True)
class SequenceBatches:
    """Batches of users, each user once an epoch with the newest entries.

    Rows are numbers of items from 1, newest first; 0 is padding.

    Args:
        sequences: of users, oldest first, items from 0.
        times: seconds of the entries, in lists at least as long; None where they are not known.
        items: of the corpus.
        length: of histories.
        negatives: drawn for each entry, uniformly from what the user does not have.
        hidden_share: of entries, that are to be guessed from both sides; None for causal models,
            which guess each from the older ones.
        size: users of a batch.
    """

    sequences: Ragged
    times: Ragged | None
    items: int
    length: int
    negatives: int
    hidden_share: float | None
    size: int

    def __len__(self) -> int:
        """Batches of an epoch."""
        return ceil(np.count_nonzero(self.sequences.sizes >= 2) / self.size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """All batches, in an order of their own."""
        users = rng.permutation(np.flatnonzero(self.sequences.sizes >= 2))
        for start in range(0, len(users), self.size):
            yield self._batch(users[start : start + self.size], rng)

    def _batch(self, users: np.ndarray, rng: np.random.Generator) -> Batch:
        sequences = self.sequences.take(users)
        reach = self.length + (self.hidden_share is None)
        window = sequences.padded(reach)[:, ::-1]  # newest first
        batch: Batch
        if self.hidden_share is None:
            batch = {HISTORY: window[:, 1:], TARGET: window[:, :-1] * (window[:, 1:] > 0)}
            first = 1
        else:
            masked = self._hidden(window, rng)
            batch = {HISTORY: window, TARGET: window * masked, MASKED: masked.astype(np.float32)}
            first = 0
        if self.times is not None:
            times = self.times.take(users)
            batch |= timed(prefix(times, sequences.sizes), reach, first)
        if self.negatives:
            batch[NEGATIVES] = self._drawn(sequences, rng)
        return batch

    def _hidden(self, window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A share of the entries, at least one; of every tenth row the newest alone."""
        keys = np.where(window > 0, rng.random(window.shape), np.inf)
        hidden = keys < self.hidden_share
        hidden[np.arange(len(window)), keys.argmin(axis=1)] = True
        newest_alone = rng.random(len(window)) < 0.1
        hidden[newest_alone] = False
        hidden[newest_alone, 0] = True
        return hidden & (window > 0)

    def _drawn(self, sequences: Ragged, rng: np.random.Generator) -> np.ndarray:
        """(batch, length, negatives) numbers from 1; three tries to miss what the user has."""
        has = sequences.mask(np.arange(len(sequences)), self.items)
        shape = (len(sequences), self.length, self.negatives)
        drawn = rng.integers(0, self.items, shape)
        row = np.arange(len(sequences))[:, None, None]
        for _ in range(3):
            drawn = np.where(has[row, drawn], rng.integers(0, self.items, shape), drawn)
        return drawn + 1


def timed(times: Ragged, reach: int, first: int) -> Batch:
    """Times of histories from their oldest entry on, and that of the request.

    Args:
        times: seconds of whole lists, oldest first.
        reach: entries of each that are taken, the newest.
        first: how many of the newest are no history; the time of the one before the history is the
            request's. Without, the request is of the newest entry's time.
    """
    window = times.padded(reach, shift=0)[:, ::-1]
    there = np.arange(reach) < times.sizes[:, None]
    origin = np.where(there, window, np.iinfo(np.int64).max).min(axis=1, keepdims=True)
    since = np.where(there, window - origin + 1, 0).astype(np.float32)  # 0 is padding
    return {TIMES: since[:, first:], NOW: since[:, 0]}


def prefix(lists: Ragged, sizes: np.ndarray) -> Ragged:
    """The first `sizes` values of each list."""
    place = np.arange(len(lists.values)) - lists.starts[lists.lists]
    kept = place < sizes[lists.lists]
    return Ragged(np.r_[0, np.cumsum(sizes)], lists.values[kept])
