"""How strong diversity may be for what it costs.

Every question that a worker asks itself is answered twice: with diversity, and in the order of the
scores. While the gain that is lost is more than its share, diversity grows weaker, else it comes
back, in steps that are proportional to how far the two are apart (integral control).
"""

import json
from pathlib import Path
from typing import Any

from serving.kept_file import KeptFile

FILE_NAME = "diversity.json"
# Of the whole strength, a question that loses all of the mean gain more than it may.
_STEP = 0.02
# Questions that the mean gain is of.
_MEMORY = 1_000
_LEAST_GAIN = 1e-3


class DiversityBudget:
    """A share of the configured strength; one thread learns, others may ask.

    Args:
        most: the share of NDCG@20 that diversity may cost; None lets it cost what it does.

    Attributes:
        strength: share of the configured strength, 0 to 1.
        questions: that were judged.
    """

    def __init__(self, most: float | None = None) -> None:
        self._most = most
        self.strength = 1.0
        self.questions = 0
        self._gain = 0.0

    def learn(self, without: float, diversified: float) -> None:
        """Take the gains of one question's list without diversity, and with it."""
        if self._most is None:
            return
        self.questions += 1
        self._gain += (without - self._gain) / min(self.questions, _MEMORY)
        scale = max(self._gain, _LEAST_GAIN)
        apart = (self._most * self._gain - (without - diversified)) / scale
        self.strength = min(max(self.strength + _STEP * apart, 0.0), 1.0)

    def state(self) -> dict[str, Any]:
        """The state as JSON can hold it."""
        return {"strength": self.strength, "questions": self.questions, "gain": self._gain}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        strength, questions, gain = (state[n] for n in ("strength", "questions", "gain"))
        if not 0.0 <= float(strength) <= 1.0:
            raise ValueError(f"`strength` must be between 0 and 1. Received: {strength}.")
        self.strength, self.questions, self._gain = float(strength), int(questions), float(gain)


def kept_diversity(budget: DiversityBudget, data_dir: Path) -> KeptFile:
    """The state of a budget in a file of the installation's data folder."""
    return KeptFile(
        data_dir / FILE_NAME,
        "Strength of diversity",
        lambda: budget.questions,
        lambda: json.dumps(budget.state()).encode(),
        lambda content: budget.restore(json.loads(content)),
    )
