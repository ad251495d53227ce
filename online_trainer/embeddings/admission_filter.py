"""Admission filter: counts of ids that have no row yet."""

import numpy as np

from online_trainer.embeddings.keyed_rows import NO_ROW, KeyedRows
from online_trainer.embeddings.keys import RowKeys


class AdmissionFilter:
    """Counts keys until they have come `admit_after` times; then they are no longer rare.

    Counts are exact and take 40 bytes a key; `KeyedRows.remove` drops those that do not recur.

    Args:
        admit_after: occurrences, this one included, with which a key is admitted.
    """

    def __init__(self, admit_after: int) -> None:
        if admit_after < 1:
            raise ValueError(f"`admit_after` must be at least 1. Received: {admit_after!r}.")
        self.admit_after = admit_after
        self.rows = KeyedRows({"count": ()})

    def admit(self, keys: RowKeys, counts: np.ndarray, step: int) -> np.ndarray:
        """Count distinct keys that came `counts` times in this step; which of them are admitted?

        Returns:
            (n,) bool; the admitted are forgotten here.
        """
        if self.admit_after == 1:
            return np.ones(len(counts), bool)
        column = self.rows.columns["count"]
        known = self.rows.find(keys)
        total = counts + column[known] * (known != NO_ROW)
        admitted = total >= self.admit_after
        self.rows.remove(known[admitted & (known != NO_ROW)], step)
        new = np.flatnonzero(~admitted & (known == NO_ROW))
        known[new] = self.rows.add(keys.take(new), step)
        stay = ~admitted
        self.rows.columns["count"][known[stay]] = total[stay]
        self.rows.touch(known[stay], step)
        return admitted
