"""One feature of every item: an array that grows, and the texts behind its keys."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from features.columns import Arrays, arrays_from_rows
from features.feature import Feature


class Column:
    """Values of one feature by row; a row that was never set holds the default.

    Strings are kept twice: as the 64-bit keys that the models take, and as they are, because that
    is how a list that was shown is logged.

    Args:
        feature: of `features/spec.py`.
    """

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self._default = arrays_from_rows([{}], [feature])[feature.name]
        self._values = self._default[:0].copy()
        self._texts: list[Any] | None = [] if feature.dtype.startswith("string") else None

    @property
    def is_text(self) -> bool:
        """Whether the values are keys of strings."""
        return self._texts is not None

    @property
    def values(self) -> np.ndarray:
        """Shape (capacity,) or (capacity, length)."""
        return self._values

    def reserve(self, capacity: int) -> None:
        """Make room for `capacity` rows."""
        missing = capacity - len(self._values)
        if missing <= 0:
            return
        self._values = np.concatenate([self._values, np.repeat(self._default, missing, axis=0)])
        if self._texts is not None:
            self._texts.extend([self.feature.default] * missing)

    def put(self, rows: np.ndarray, values: np.ndarray, texts: Sequence[Any] | None) -> None:
        """Set `rows` to `values`; `texts` are the strings behind the keys."""
        self._values[rows] = values
        if self._texts is not None and texts is not None:
            for row, text in zip(rows.tolist(), texts, strict=True):
                self._texts[row] = self.feature.default if text is None else text

    def raw(self, row: int) -> Any:
        """The value of one row as JSON has it."""
        if self._texts is None:
            return self._values[row].tolist()
        text = self._texts[row]
        return list(text) if self.feature.is_list else text


def taken(columns: dict[str, Column], rows: np.ndarray | slice) -> Arrays:
    """The values of `rows` by feature name; copies where `rows` is an array."""
    return {name: column.values[rows] for name, column in columns.items()}
