"""One feature of every item: an array that grows, and the texts behind its keys."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from features.columns import arrays_from_rows
from features.feature import Feature
from serving.catalogue.growable_array import GrowableArray


class FeatureColumn:
    """Values of one feature by row; a row that was never set holds the default.

    Strings are kept twice: as the 64-bit keys that the models take, and as they are, because that
    is how a list that was shown is logged.

    Args:
        feature: of `features/spec.py`.
    """

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self.values = GrowableArray(arrays_from_rows([{}], [feature])[feature.name][0])
        self._texts: list[Any] = []  # by row; None and what lies past the end are the default

    @property
    def is_text(self) -> bool:
        """True if the values are keys of strings."""
        return self.feature.dtype in ("string", "string_list")

    def put(self, rows: np.ndarray, values: np.ndarray, texts: Sequence[Any]) -> None:
        """Set `rows` to `values`; `texts` are the strings behind the keys, if there are keys.

        A number that is not finite counts as missing: it would make vectors and scores of nothing.
        """
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            values = np.where(np.isfinite(values), values, self.values.default)
        self.values.put(rows, values)
        if self.is_text:
            self._texts += [None] * (int(rows.max(initial=-1)) + 1 - len(self._texts))
            for row, text in zip(rows.tolist(), texts, strict=True):
                self._texts[row] = self._kept(text)

    def clear(self, row: int) -> None:
        """Set one row to the default, and keep no text of it."""
        self.values.put(np.array([row]), self.values.default)
        if row < len(self._texts):
            self._texts[row] = None

    def text(self, row: int) -> Any:
        """The string or the list of strings of one row."""
        texts = self._texts
        text = texts[row] if row < len(texts) else None
        if text is None:
            text = self.feature.default
        return list(text) if self.feature.is_list else text

    def _kept(self, text: Any) -> Any:
        """The entries of a list once, however many items have them."""
        return tuple(map(sys.intern, text)) if text and self.feature.is_list else text or None
