"""The learnt order: what the ranker, the sources and the counters say of candidates, fused.

Every question that a worker asks for its own judgement (`serving/recommend/quality.py`) teaches a
`ChoiceModel`, after it was answered. The fused order is taken for lists while it has been better
than the ranker's on the questions of late, each answered before it was learnt from.
"""

from typing import Any

import numpy as np

from serving.fusion.choice_model import ChoiceModel
from serving.fusion.evidence import COLUMNS, RANKER
from serving.recommend.gain import gain

# Questions before the first list, and questions whose gains are remembered.
LEAST_QUESTIONS, MEMORY = 30, 1_000


class Fusion:
    """Learns an order and says whether it is the better one; one thread learns, others may ask.

    Args:
        is_allowed: whether lists may be in the fused order at all.

    Attributes:
        model: the weights of the columns.
        ahead: mean NDCG@20 of the fused order less that of the ranker, over the questions of late.
    """

    def __init__(self, is_allowed: bool = True) -> None:
        self._is_allowed = is_allowed
        self.model = ChoiceModel(COLUMNS, {RANKER: 1.0})
        self.ahead = 0.0

    @property
    def is_better(self) -> bool:
        """Whether lists are in the fused order now."""
        is_known = self.model.questions >= LEAST_QUESTIONS
        return self._is_allowed and is_known and self.ahead > 0.0

    def scores(self, evidence: np.ndarray) -> np.ndarray:
        """Fused scores of candidates, (n,) float64, see `evidence.evidence`."""
        return self.model.scores(evidence)

    def learn(self, evidence: np.ndarray, chosen: int) -> None:
        """Judge both orders by one question, then learn from it.

        Args:
            evidence: (n, columns) of the candidates that might have been shown.
            chosen: place of the one that was chosen.
        """
        fused, ranked = _gain(self.scores(evidence), chosen), _gain(evidence[:, 0], chosen)
        self.model.learn(evidence, chosen)
        share = 1.0 / min(self.model.questions, MEMORY)
        self.ahead += share * (fused - ranked - self.ahead)

    def state(self) -> dict[str, Any]:
        """The state as JSON can hold it."""
        return {"ahead": self.ahead, **self.model.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state; columns that are new start as they do in a new fusion.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        self.model.restore(state)
        self.ahead = float(state["ahead"])


def dealt(scores: np.ndarray, by: np.ndarray) -> np.ndarray:
    """The same scores dealt out anew: the greatest to the candidate whose `by` is the greatest.

    They stay what they are, so what reads them (diversity, draws, the answer) need not know of it.

    >>> dealt(np.array([0.9, 0.8, 0.1]), np.array([0.0, 5.0, 1.0])).tolist()
    [0.1, 0.9, 0.8]
    """
    found = np.empty_like(scores)
    found[np.argsort(-by, kind="stable")] = np.sort(scores)[::-1]
    return found


def _gain(scores: np.ndarray, chosen: int) -> float:
    """NDCG@20 of one order; a tie is lost."""
    return gain(int(np.count_nonzero(scores >= scores[chosen])) - 1)
