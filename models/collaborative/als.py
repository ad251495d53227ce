"""Matrix factorisation of implicit feedback by alternating least squares.

min sum_ui c_ui (p_ui - x_u' y_i)^2 + l (sum |x_u|^2 + sum |y_i|^2), p = 1 where r > 0, c = 1 + a r;
x_u = (Y' C_u Y + l I)^-1 Y' C_u p_u, and y_i alike.

Reference: Hu, Koren & Volinsky, ICDM 2008, https://doi.org/10.1109/ICDM.2008.22, eq. 3 to 5.
"""

import numpy as np
from scipy import sparse


class ImplicitAls:
    """Users and items as vectors; users that were not learnt are solved for when asked.

    Args:
        width: of vectors.
        confidence: a above.
        regularisation: l above.
        rounds: of both sides.
        seed: of the first item vectors.
    """

    def __init__(
        self,
        *,
        width: int = 32,
        confidence: float = 10.0,
        regularisation: float = 10.0,
        rounds: int = 15,
        seed: int = 0,
    ) -> None:
        self.width, self.confidence, self.regularisation = width, confidence, regularisation
        self.rounds, self.seed = rounds, seed
        self.users = self.items = np.empty((0, width))

    def fit(self, matrix: sparse.csr_matrix) -> None:
        """Solve for users and items in turn."""
        by_item = matrix.T.tocsr()
        rng = np.random.default_rng(self.seed)
        self.items = rng.normal(scale=0.1, size=(matrix.shape[1], self.width))
        for _ in range(self.rounds):
            self.users = self._solved(matrix, self.items)
            self.items = self._solved(by_item, self.users)
        self.users = self._solved(matrix, self.items)

    def scores(self, users: np.ndarray, histories: sparse.csr_matrix) -> np.ndarray:
        """x_u' y_i, of the x_u that the histories give."""
        return self._solved(sparse.csr_matrix(histories), self.items) @ self.items.T

    def loss(self, matrix: sparse.csr_matrix) -> float:
        """What is minimised, over all cells of the matrix that was learnt."""
        rated = np.asarray(matrix.todense(), np.float64)
        errors = (1.0 + self.confidence * rated) * ((rated > 0) - self.users @ self.items.T) ** 2
        return float(errors.sum() + self.regularisation * self._penalty())

    def _penalty(self) -> float:
        return float(np.square(self.users).sum() + np.square(self.items).sum())

    def _solved(self, matrix: sparse.csr_matrix, others: np.ndarray) -> np.ndarray:
        everyone = others.T @ others + self.regularisation * np.eye(self.width)
        found = np.zeros((matrix.shape[0], self.width))
        for row in np.flatnonzero(np.diff(matrix.indptr)):
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            met, extra = others[matrix.indices[part]], self.confidence * matrix.data[part]
            # Y'C_uY = Y'Y + Y'(C_u - I)Y, of which the second needs the user's items alone.
            left = everyone + (met * extra[:, None]).T @ met
            found[row] = np.linalg.solve(left, met.T @ (1.0 + extra))
        return found
