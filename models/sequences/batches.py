"""Histories and what came next, as arrays."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
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

STEPS = 8  # lengths of batches


@dataclass(frozen=True)
class Hidden:
    """Which entries a model guesses that reads in both directions, and what it reads there.

    Args:
        share: of entries, at least one.
        newest_share: of rows, whose newest entry alone is to be guessed, as when lists are made.
        shown_share: of the guessed entries, that read as any other item, and again as many that
            read as themselves; the others are hidden. BERT has 0.1, BERT4Rec 0.

    References: Sun et al., CIKM 2019, https://arxiv.org/abs/1904.06690, section 3.6; Devlin et al.,
    NAACL 2019, https://arxiv.org/abs/1810.04805, section 3.1.
    """

    share: float
    newest_share: float = 0.1
    shown_share: float = 0.0

    def chosen(self, window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(rows, length) bool: the entries that are to be guessed."""
        keys = np.where(window > 0, rng.random(window.shape), np.inf)
        chosen = keys < self.share
        chosen[np.arange(len(window)), keys.argmin(axis=1)] = True
        newest_alone = rng.random(len(window)) < self.newest_share
        chosen[newest_alone] = False
        chosen[newest_alone, 0] = True
        return chosen & (window > 0)

    def read(
        self, window: np.ndarray, chosen: np.ndarray, items: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """What is read in place of `window`, and (rows, length) bool: what of it is hidden."""
        if not self.shown_share:
            return window, chosen
        lot = np.where(chosen, rng.random(window.shape), np.inf)
        other = rng.integers(1, items + 1, window.shape)
        shown = lot < 2.0 * self.shown_share
        return np.where(lot < self.shown_share, other, window), chosen & ~shown


@dataclass(frozen=True)
class SequenceBatches:
    """Batches of users, each user once an epoch with the newest entries.

    Rows are numbers of items from 1, newest first; 0 is padding. Users of about one length share a
    batch, which is no longer than they need; the shorter they are, the more of them are in it, so
    that batches have about as many entries each.

    Args:
        sequences: of users, oldest first, items from 0.
        times: seconds of the entries, in lists at least as long; None where they are not known.
        items: of the corpus.
        length: of histories.
        negatives: drawn uniformly from what the user does not have.
        shares: whether a user's entries have the same negatives.
        hidden: which entries are to be guessed from both sides; None for causal models, which guess
            each from the older ones.
        size: users of a batch, in the mean.
    """

    sequences: Ragged
    times: Ragged | None
    items: int
    length: int
    negatives: int
    shares: bool
    hidden: Hidden | None
    size: int

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self._plan[1])

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """All batches, in an order of their own, with users drawn anew among those of a length."""
        lengths, starts = self._plan
        mixed = rng.permutation(len(lengths))
        users = mixed[np.argsort(-lengths[mixed], kind="stable")]
        parts = np.split(users[: np.count_nonzero(lengths)], starts[1:])
        for n in rng.permutation(len(parts)):
            yield self._batch(parts[n], int(lengths[parts[n][0]]), rng)

    @cached_property
    def _plan(self) -> tuple[np.ndarray, list[int]]:
        """The padded length of each user, 0 without a target, and where batches begin.

        Longest first; lengths are multiples of an eighth of the longest, so that a compiler meets
        few shapes.
        """
        counted = np.minimum(self.sequences.sizes - (self.hidden is None), self.length)
        counted = np.where(self.sequences.sizes >= 2, counted, 0)
        step = ceil(self.length / STEPS)
        lengths = np.minimum(-(-counted // step) * step, self.length)
        longest = -np.sort(-lengths[lengths > 0])
        entries = self.size * counted.sum() / max(1, len(longest))
        starts, start = [], 0
        while start < len(longest):
            starts.append(start)
            start += max(1, round(entries / longest[start]))
        return lengths, starts

    def _batch(self, users: np.ndarray, length: int, rng: np.random.Generator) -> Batch:
        sequences = self.sequences.take(users)
        reach = length + (self.hidden is None)
        window = sequences.padded(reach)[:, ::-1]  # newest first
        batch: Batch
        if self.hidden is None:
            batch = {HISTORY: window[:, 1:], TARGET: window[:, :-1] * (window[:, 1:] > 0)}
            first = 1
        else:
            chosen = self.hidden.chosen(window, rng)
            history, masked = self.hidden.read(window, chosen, self.items, rng)
            batch = {HISTORY: history, TARGET: window * chosen, MASKED: masked.astype(np.float32)}
            first = 0
        if self.times is not None:
            times = self.times.take(users)
            batch |= timed(prefix(times, sequences.sizes), reach, first)
        if self.negatives:
            batch[NEGATIVES] = self._drawn(sequences, length, rng)
        return batch

    def _drawn(self, sequences: Ragged, length: int, rng: np.random.Generator) -> np.ndarray:
        """(batch, length, negatives) numbers from 1, or (batch, negatives) shared ones.

        Three tries to miss what the user has.
        """
        has = sequences.mask(np.arange(len(sequences)), self.items)
        shape = (len(sequences), *(() if self.shares else (length,)), self.negatives)
        drawn = rng.integers(0, self.items, shape)
        row = np.arange(len(sequences)).reshape(-1, *(1,) * (len(shape) - 1))
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
