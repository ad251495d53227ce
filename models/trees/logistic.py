"""Logistic regression on a sparse matrix, by L-BFGS."""

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import expit


def fit_logistic(
    rows: csr_matrix,
    labels: np.ndarray,
    penalty: float,
    margins: np.ndarray | float = 0.0,
    iterations: int = 200,
) -> tuple[np.ndarray, float]:
    """Weights and bias that minimise sum log(1 + e^z) - y z + penalty / 2 |w|^2, z = m + X w + b.

    Args:
        rows: X, (n, columns).
        labels: y, (n,) in [0, 1].
        penalty: on the weights; none on the bias.
        margins: m, (n,): what is known of the logits beforehand.
        iterations: at most.
    """
    n, columns = rows.shape

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        w, b = point[:-1], point[-1]
        z = margins + rows @ w + b
        apart = expit(z) - labels
        value = float(np.sum(np.logaddexp(0.0, z) - labels * z) + 0.5 * penalty * (w @ w))
        gradient = np.append(rows.T @ apart + penalty * w, apart.sum())
        return value / n, gradient / n

    found = minimize(
        loss, np.zeros(columns + 1), jac=True, method="L-BFGS-B", options={"maxiter": iterations}
    )
    return found.x[:-1], float(found.x[-1])
