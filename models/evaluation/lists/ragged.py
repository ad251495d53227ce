"""Lists of items of different lengths in two arrays."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Ragged:
    """List i is `values[starts[i]:starts[i + 1]]`.

    Args:
        starts: (lists + 1,) int64, not falling; the first is 0, the last the length of `values`.
        values: (entries,) int64 item numbers.

    Raises:
        ValueError: `starts` do not fit `values`.
    """

    starts: np.ndarray
    values: np.ndarray

    def __post_init__(self) -> None:
        starts = self.starts
        bounds = len(starts) and starts[0] == 0 and starts[-1] == len(self.values)
        if not bounds or (np.diff(starts) < 0).any():
            raise ValueError(
                f"`starts` must rise from 0 to {len(self.values)}. Received: {starts.tolist()}."
            )

    @classmethod
    def of(cls, lists: np.ndarray, values: np.ndarray, count: int) -> Self:
        """`count` lists from the number of each value's list; values keep their order.

        >>> Ragged.of(np.array([1, 0, 1]), np.array([7, 8, 9]), 3)[1].tolist()
        [7, 9]
        """
        order = np.argsort(lists, kind="stable")
        sizes = np.bincount(lists, minlength=count)
        return cls(np.r_[0, np.cumsum(sizes)], np.asarray(values, np.int64)[order])

    @classmethod
    def empty(cls, count: int) -> Self:
        """`count` lists of nothing."""
        return cls(np.zeros(count + 1, np.int64), np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, at: int) -> np.ndarray:
        return self.values[self.starts[at] : self.starts[at + 1]]

    @cached_property
    def sizes(self) -> np.ndarray:
        """(lists,) entries of each."""
        return np.diff(self.starts)

    @cached_property
    def lists(self) -> np.ndarray:
        """(entries,) number of each value's list."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def take(self, which: np.ndarray) -> Self:
        """The lists of these numbers, in this order."""
        sizes = self.sizes[which]
        starts = np.r_[0, np.cumsum(sizes)]
        places = np.arange(starts[-1]) + np.repeat(self.starts[which] - starts[:-1], sizes)
        return type(self)(starts, self.values[places])

    def mask(self, which: np.ndarray, items: int) -> np.ndarray:
        """(len(which), items) bool: whether an item is in a list."""
        part = self.take(which)
        found = np.zeros((len(which), items), bool)
        found[part.lists, part.values] = True
        return found

    def padded(self, length: int, shift: int = 1) -> np.ndarray:
        """(lists, length) int64: the last `length` values of each, plus `shift`; zeros before them.

        >>> Ragged.of(np.array([0, 0, 0]), np.array([4, 5, 6]), 2).padded(2).tolist()
        [[6, 7], [0, 0]]
        """
        back = length - np.arange(length)  # how far before the end of its list
        places = self.starts[1:, None] - back
        inside = places >= self.starts[:-1, None]
        if not len(self.values):
            return np.zeros(inside.shape, np.int64)
        return np.where(inside, self.values[np.where(inside, places, 0)] + shift, 0)
