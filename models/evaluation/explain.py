"""Feature importance: permutation importance, and the cross layers' block norms."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.evaluation.figures import auc
from models.evaluation.learner import Report
from models.evaluation.networks import Network
from models.evaluation.runs import EvaluationRun, trained
from models.importance import (
    CrossImportance,
    Drop,
    cross_importance,
    draw_importance,
    permutation_importance,
)
from models.layers.cross import Cross
from models.layers.cross_mixture import CrossMixture


@dataclass(frozen=True)
class Explained:
    """Feature importance of one run's model.

    Args:
        auc: of the rows that were scored.
        drops: of that AUC by field, the greatest first.
        crosses: of models that are built on cross layers alone.
    """

    auc: float
    drops: Mapping[str, Drop]
    crosses: CrossImportance | None


def explained(run: EvaluationRun, repeats: int, report: Report) -> Explained:
    """Train a model and ask what it goes by; its test rows are scored.

    Args:
        repeats: permutations of each field.
    """
    done = trained(run, report)
    x, y = done.test.x, done.test.y
    drops = permutation_importance(
        lambda rows: done.learner.predict(dict(rows)), x, y, auc, repeats=repeats, seed=run.seed
    )
    crosses = None
    if isinstance(done.learner, Network) and run.entry.family == "cross network":
        model = done.learner.model
        if any(isinstance(layer, Cross | CrossMixture) for layer in model.layers):
            crosses = cross_importance(model, done.fields)
    return Explained(auc(y, done.learner.predict(x)), drops, crosses)


def write(found: Explained, out: Path) -> list[str]:
    """Leave `importance.csv`, and `crosses.png` where there are crosses; the names of the files."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "importance.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["field", "auc_drop", "spread"])
        writer.writerows([name, drop.mean, drop.spread] for name, drop in found.drops.items())
    if found.crosses is None:
        return ["importance.csv"]
    draw_importance(found.crosses, out / "crosses.png")
    return ["importance.csv", "crosses.png"]
