"""The gate: what a snapshot must be before it may be served."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from millstream.domain.tasks import ONLY_TASK, TaskKind
from millstream.settings import Settings
from online_trainer.evaluation.lists import K
from online_trainer.evaluation.paired import Interval
from online_trainer.evaluation.progressive import RELATIVE_ERROR, ProgressiveMetrics


@dataclass(frozen=True)
class Gate:
    """Refuses weights that are not finite, and a quality that has exploded.

    Args:
        max_normalised_entropy: over the progressive window, of any task; knowing only the mean
            label gives 1. Of a number it is the relative root mean square error.
        after_examples: quality is judged from so many examples on.
        lists: by how much NDCG@20 of lists may be below that of the best counter, at the near end
            of the interval; None is by anything.
    """

    max_normalised_entropy: float = 2.0
    after_examples: int = 5_000
    lists: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Gate":
        """Gate of an installation."""
        return cls(after_examples=settings.gate_after_examples, lists=settings.gate_lists)

    def objections(
        self,
        parts: Mapping[str, Mapping[str, np.ndarray]],
        progress: Mapping[str, ProgressiveMetrics],
        examples: int,
        behind_counter: Interval | None = None,
    ) -> list[str]:
        """Why the snapshot must be held; empty if it may be served.

        Args:
            parts: of the snapshot.
            progress: by task.
            examples: learnt from so far.
            behind_counter: by how much lists are behind those of the best counter; None is not
                known.
        """
        wrong = [
            f"{part}/{name} is not finite"
            for part, arrays in parts.items()
            if part.endswith((".dense", ".tables"))
            for name, array in arrays.items()
            if array.dtype.kind == "f" and not np.isfinite(array).all()
        ]
        if examples >= self.after_examples:
            wrong += [
                f"{_words(each.kind)}{_of(task)} is {each.relative_error():.3f}, above "
                f"{self.max_normalised_entropy}"
                for task, each in progress.items()
                if each.relative_error() > self.max_normalised_entropy
            ]
        if self.lists is not None and behind_counter and behind_counter.low > self.lists:
            wrong.append(f"NDCG@{K} of lists is below the best counter's by {behind_counter}")
        return wrong


def _words(kind: TaskKind) -> str:
    return RELATIVE_ERROR[kind].replace("_", " ")


def _of(task: str) -> str:
    return "" if task == ONLY_TASK else f" of {task}"
