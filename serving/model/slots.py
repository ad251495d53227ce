"""Vectors that the versions of one table share, so that a version costs what it changed.

A version never writes to a slot that another one may read: it puts its vectors into slots of its
own, and the slots that it no longer reads are free once every version that still does has gone. One
thread makes versions; any thread may read them.
"""

import weakref
from typing import NamedTuple, Protocol

import numpy as np

ZEROS = 0  # the slot of padding
_FIRST_CAPACITY = 1024


class TableVersion(Protocol):
    """Reader of the slots: a table at one snapshot."""

    @property
    def generation(self) -> int:
        """Counts up from version to version."""


class _Step(NamedTuple):
    """Slots that one version added and retired.

    Args:
        generation: of the version.
        added: slots that it reads and the one before it does not.
        retired: slots that the one before it reads and it does not.
    """

    generation: int
    added: np.ndarray
    retired: np.ndarray


class Slots:
    """A growing matrix of vectors.

    Args:
        width: numbers in a vector.

    Attributes:
        values: (capacity, width) float32. It is replaced when it grows, and what was in it is in
            the new one: a reader may go on with the old one.
    """

    def __init__(self, width: int) -> None:
        self.values = np.zeros((_FIRST_CAPACITY, width), np.float32)
        self._end = ZEROS + 1
        self._free = np.zeros(0, np.int32)
        self._steps: list[_Step] = []
        self._versions: list[weakref.ref[TableVersion]] = []

    def may_follow(self, generation: int) -> bool:
        """True if the next version can be made from that one; frees what nobody reads any more.

        It cannot where a later version is alive: both would claim the same slots.
        """
        self._versions = [each for each in self._versions if each() is not None]
        alive = [version.generation for each in self._versions if (version := each()) is not None]
        if max(alive, default=generation) > generation:
            return False
        left = []
        for step in self._steps:
            if step.generation > generation:  # a version that was made and never came to be read
                self._free = np.concatenate([self._free, step.added])
            elif step.generation <= min(alive, default=generation):
                self._free = np.concatenate([self._free, step.retired])
            else:
                left.append(step)
        self._steps = left
        return True

    def put(self, vectors: np.ndarray) -> np.ndarray:
        """Slots for new vectors, (n,) int32; the version that reads them is then `made`."""
        reused, self._free = np.split(self._free, [min(len(vectors), len(self._free))])
        fresh = np.arange(self._end, self._end + len(vectors) - len(reused), dtype=np.int32)
        self._end += len(fresh)
        if self._end > len(self.values):
            self._grow()
        slots = np.concatenate([reused, fresh])
        self.values[slots] = vectors
        return slots

    def made(self, version: TableVersion, added: np.ndarray, retired: np.ndarray) -> None:
        """A version is there to be read."""
        retired = retired[retired != ZEROS]
        self._steps.append(_Step(version.generation, added, retired))
        self._versions.append(weakref.ref(version))

    def _grow(self) -> None:
        """Double the matrix; the new half takes no memory until it is used."""
        capacity = 2 * self._end
        values = np.zeros((capacity, self.values.shape[1]), np.float32)
        values[: len(self.values)] = self.values
        self.values = values
