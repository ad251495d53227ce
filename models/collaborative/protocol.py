"""Protocol of the models that learn from a matrix."""

from typing import Protocol

import numpy as np
from scipy import sparse


class MatrixModel(Protocol):
    """Learns from who met what, all at once."""

    def fit(self, matrix: sparse.csr_matrix) -> None:
        """Learn.

        Args:
            matrix: (users, items) of numbers above 0 where a user met an item.
        """
        ...

    def scores(self, users: np.ndarray, histories: sparse.csr_matrix) -> np.ndarray:
        """Scores of all items, (n, items), higher first; those of the history have theirs too.

        Args:
            users: (n,) rows of the matrix that was learnt; -1 for others.
            histories: (n, items) what each has met.
        """
        ...
