"""The gate: what a snapshot must be before it may be served."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from online_trainer.evaluation.progressive import ProgressiveMetrics


@dataclass(frozen=True)
class Gate:
    """Refuses weights that are not finite, and a quality that has exploded.

    Args:
        max_normalised_entropy: over the progressive window; knowing only the mean label gives 1.
        after_examples: quality is judged from so many examples on.
    """

    max_normalised_entropy: float = 2.0
    after_examples: int = 5_000

    def objections(
        self,
        parts: Mapping[str, Mapping[str, np.ndarray]],
        progress: ProgressiveMetrics,
        examples: int,
    ) -> list[str]:
        """Why the snapshot must be held; empty if it may be served."""
        wrong = [
            f"{part}/{name} is not finite"
            for part, arrays in parts.items()
            if part.endswith((".dense", ".tables"))
            for name, array in arrays.items()
            if array.dtype.kind == "f" and not np.isfinite(array).all()
        ]
        entropy = progress.value("all", "window", "normalised_entropy")
        if examples >= self.after_examples and entropy > self.max_normalised_entropy:
            wrong.append(
                f"normalised entropy is {entropy:.3f}, above {self.max_normalised_entropy}"
            )
        return wrong
