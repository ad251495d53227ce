"""EASE: a linear item-to-item model in closed form, diag(B) = 0.

B = I - P diag(1 / diag(P)), P = (X'X + l I)^-1, X users by items.

Reference: Steck, WWW 2019, https://arxiv.org/abs/1905.03375, eq. 8.
"""

import numpy as np
from scipy import sparse


def ease_weights(rows: np.ndarray, columns: np.ndarray, regularisation: float) -> np.ndarray:
    """(items, items) B of the binary matrix that has a 1 at each (row, column).

    Args:
        rows, columns: (entries,) int64; every column number up to the greatest is there.
    """
    ones = np.ones(len(rows))
    met = sparse.csr_matrix((ones, (rows, columns)))
    met.data[:] = 1.0
    gram = np.asarray((met.T @ met).todense(), np.float64)
    gram[np.diag_indices_from(gram)] += regularisation
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)[None, :]
    weights[np.diag_indices_from(weights)] = 0.0
    return weights
