"""A linear item-to-item model in closed form.

B = I - P diag(1 / diag(P)), P = (X'X + l I)^-1, minimises |X - X B|^2 + l |B|^2 with diag(B) = 0.

Reference: Steck, WWW 2019, "Embarrassingly Shallow Autoencoders for Sparse Data",
https://arxiv.org/abs/1905.03375, eq. 8.
"""

import numpy as np
from scipy import sparse


class Ease:
    """X B.

    Args:
        regularisation: l above.
    """

    def __init__(self, *, regularisation: float = 250.0) -> None:
        self.regularisation = regularisation
        self.weights = np.empty((0, 0))

    def fit(self, matrix: sparse.csr_matrix) -> None:
        """Solve for B; memory is (items, items)."""
        self.weights = ease_weights(matrix, self.regularisation)

    def scores(self, users: np.ndarray, histories: sparse.csr_matrix) -> np.ndarray:
        """The histories' rows, as zeros and ones, times B."""
        return np.asarray(binary(histories) @ self.weights)


def ease_weights(matrix: sparse.csr_matrix, regularisation: float) -> np.ndarray:
    """(items, items) B of a (users, items) matrix, whose entries count as 1."""
    met = binary(matrix)
    gram = np.asarray((met.T @ met).todense(), np.float64)
    gram[np.diag_indices_from(gram)] += regularisation
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)[None, :]
    weights[np.diag_indices_from(weights)] = 0.0
    return weights


def binary(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The same places, each 1."""
    found = sparse.csr_matrix(matrix, dtype=np.float64, copy=True)
    found.sum_duplicates()
    found.data[:] = 1.0
    return found
