"""A conditional logit: which of the candidates somebody chooses.

    P(j | candidates) = exp(w . x_j) / sum over candidates i of exp(w . x_i)

Every question teaches one step of AdaGrad on its log loss. Columns are divided by their standard
deviation within questions, a running mean, so that none counts more for its unit.

References: McFadden, "Conditional logit analysis of qualitative choice behavior", 1974; Duchi,
Hazan and Singer, JMLR 12, 2011, https://jmlr.org/papers/v12/duchi11a.html.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Step of AdaGrad, in standard deviations of a column; and what its sum of squares starts from.
_RATE, _START = 0.1, 100.0
_LEAST_DEVIATION = 1e-6
# Questions over which deviations are a mean.
_MEMORY = 1_000


class ChoiceModel:
    """Weights of named columns; one thread learns, others may ask.

    Args:
        names: of the columns.
        weights: to start from, by name; 0 where there is none.
    """

    def __init__(self, names: Sequence[str], weights: Mapping[str, float]) -> None:
        self.names = tuple(names)
        self.questions = 0
        self._weights = np.array([weights.get(name, 0.0) for name in names])
        self._squares = np.full(len(self.names), _START)
        self._variances = np.ones(len(self.names))

    def weight(self, name: str) -> float:
        """Weight of a column, in standard deviations of it."""
        return float(self._weights[self.names.index(name)])

    def scores(self, evidence: np.ndarray) -> np.ndarray:
        """Scores w . x of the candidates, (n,) float64.

        Args:
            evidence: (n, columns).
        """
        return np.asarray(evidence @ (self._weights / self._deviations()))

    def learn(self, evidence: np.ndarray, chosen: int) -> None:
        """One question: the candidates and the one that was chosen.

        Args:
            evidence: (n, columns), finite.
            chosen: place of the one that was chosen.
        """
        self.questions += 1
        share = 1.0 / min(self.questions, _MEMORY)
        self._variances = self._variances + share * (evidence.var(axis=0) - self._variances)
        # What is the same for all says nothing: without it nothing large is left to be rounded.
        scaled = (evidence - evidence.mean(axis=0)) / self._deviations()
        scores = scaled @ self._weights
        odds = np.exp(scores - scores.max())
        gradient = odds @ scaled / odds.sum() - scaled[chosen]
        self._squares = self._squares + gradient**2
        self._weights = self._weights - _RATE * gradient / np.sqrt(self._squares)

    def state(self) -> dict[str, Any]:
        """By column its weight, its sum of squares and its variance, as JSON can hold them."""
        rows = zip(self._weights, self._squares, self._variances, strict=True)
        columns = {name: list(map(float, row)) for name, row in zip(self.names, rows, strict=True)}
        return {"questions": self.questions, "columns": columns}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state: columns by name, those that it has not as they are.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        found = {name: np.array(row, np.float64) for name, row in state["columns"].items()}
        if any(row.shape != (3,) or not np.isfinite(row).all() for row in found.values()):
            raise ValueError(f"Columns must have 3 finite numbers each. Received: {state}.")
        rows = np.stack([self._weights, self._squares, self._variances], axis=1)
        for place, name in enumerate(self.names):
            rows[place] = found.get(name, rows[place])
        questions = int(state["questions"])
        self._weights, self._squares, self._variances = rows.T.copy()
        self.questions = questions

    def _deviations(self) -> np.ndarray:
        return np.maximum(np.sqrt(self._variances), _LEAST_DEVIATION)
