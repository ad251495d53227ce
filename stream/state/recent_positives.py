"""The newest positives: what negatives are drawn from by popularity, and as followers of an item.

They are kept in the order of processing, as pairs of the item that the person had met right before
(`NOTHING` where that is none) and the positive's own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
import numpy as np

from features.interner import ITEMS, NOTHING

# So many are kept: the news of minutes to hours, and a batch's worth of memory.
KEPT = 4_096

_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(tuple[str, str]).decode


def _none() -> np.ndarray:
    return np.zeros(0, np.int32)


@dataclass
class RecentPositives:
    """The newest positives, the newest last.

    Args:
        before, items: (kept,) int32 numbers of `features.interner`.
        unsaved: pairs of ids since the last `take_unsaved`, encoded.
    """

    before: np.ndarray = field(default_factory=_none)
    items: np.ndarray = field(default_factory=_none)
    unsaved: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.items)

    def add(self, before: np.ndarray, items: np.ndarray) -> None:
        """Append positives, (new,) each; the oldest beyond `KEPT` are forgotten."""
        pairs = zip(_texts(before[-KEPT:]), _texts(items[-KEPT:]), strict=True)
        self.unsaved = [*self.unsaved, *map(_ENCODE, pairs)][-KEPT:]
        self.before = np.concatenate([self.before, before])[-KEPT:]
        self.items = np.concatenate([self.items, items])[-KEPT:]

    def ids(self) -> list[str]:
        """The distinct items."""
        return list(ITEMS.texts(np.unique(self.items).tolist()))

    def restore(self, stored: Iterable[bytes]) -> None:
        """Load from the store."""
        pairs = [_DECODE(each) for each in stored][-KEPT:]
        before, items = ([pair[side] for pair in pairs] for side in (0, 1))
        self.before, self.items = (_numbers(each) for each in (before, items))

    def take_unsaved(self) -> list[bytes]:
        """The pairs that were added since this was last asked."""
        unsaved, self.unsaved = self.unsaved, []
        return unsaved


def _texts(numbers: np.ndarray) -> list[str]:
    """Ids; "" for `NOTHING`."""
    distinct, place = np.unique(numbers, return_inverse=True)
    names = ["" if n == NOTHING else ITEMS.texts([n])[0] for n in distinct.tolist()]
    return [names[n] for n in place.tolist()]


def _numbers(ids: list[str]) -> np.ndarray:
    return np.array([ITEMS.number(each) if each else NOTHING for each in ids], np.int32)
