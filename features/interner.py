"""String interner: strings as small numbers of one process, for arrays of ids and categories.

A number stands for the same string until `clear`, and for nothing in another process: what leaves
the process is the string. 0 is no string.
"""

from collections.abc import Iterable

import msgspec
import numpy as np
import pyarrow as pa

NOTHING = 0

_PACK = msgspec.msgpack.Encoder().encode


class Interner:
    """String interner: strings by number, and their numbers; all are forgotten at once, or none."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all strings; whoever keeps numbers must forget them too."""
        self._texts: list[str] = [""]
        self._numbers: dict[str, int] = {}
        self._column = pa.array([""], pa.string())
        self._packed = pa.array([_PACK("")], pa.binary())

    def __len__(self) -> int:
        return len(self._texts)

    def number(self, text: str) -> int:
        """The number of a string, from 1 on."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return number

    def numbers(self, texts: Iterable[str]) -> list[int]:
        """The numbers of several."""
        known = self._numbers
        return [known.get(text) or self.number(text) for text in texts]

    def texts(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """The strings of numbers that are padded at their end with `NOTHING`."""
        texts = self._texts
        return tuple([texts[number] for number in numbers if number])

    def lists(self, numbers: np.ndarray) -> list[tuple[str, ...]]:
        """The strings of each of (rows, most) numbers that are padded at their end."""
        of_column = [list(map(self._texts.__getitem__, column)) for column in numbers.T.tolist()]
        lengths = np.count_nonzero(numbers, axis=1).tolist()
        rows = zip(*of_column, strict=True) if of_column else iter([()] * len(numbers))
        most = numbers.shape[1]
        return [
            row if length == most else row[:length]
            for row, length in zip(rows, lengths, strict=True)
        ]

    def packed_column(self, numbers: np.ndarray) -> pa.BinaryArray:
        """The strings of (rows,) numbers as msgpack."""
        missing = self._texts[len(self._packed) :]
        if missing:
            more = pa.array(map(_PACK, missing), pa.binary())
            self._packed = pa.concat_arrays([self._packed, more])
        return self._packed.take(pa.array(numbers))

    def column(self, numbers: np.ndarray) -> pa.StringArray:
        """The strings of (rows,) numbers."""
        missing = self._texts[len(self._column) :]
        if missing:
            self._column = pa.concat_arrays([self._column, pa.array(missing, pa.string())])
        return self._column.take(pa.array(numbers))


ITEMS = Interner()
CATEGORIES = Interner()
KINDS = Interner()


def interner_of(column: str) -> Interner:
    """The interner of a list column's entries: a user's lists are of items, an item's of texts."""
    return ITEMS if column.startswith("user_") else CATEGORIES
