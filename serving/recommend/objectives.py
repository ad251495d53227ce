"""Objectives: what the lists of each placement are ranked by, changeable while lists are made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from features.columns import Arrays
from features.encode import YEAR_S
from millstream.domain import Domain
from millstream.domain.formula import ENTITIES, Formula, formula
from millstream.domain.list_references import wrong_names_of
from millstream.events import MAX_FLOAT32
from serving.model.served import TaskScores

# Types and families whose value is a time: a formula has the seconds since.
_TIMES = ("time", "since")


@dataclass(frozen=True)
class Objective:
    """A formula, and where its names come from.

    Args:
        formula: over tasks and numbers.
        times: those of its names that are times.
    """

    formula: Formula
    times: frozenset[str]

    def scores(
        self, by_task: TaskScores, item: Arrays, user: Arrays, time_s: float
    ) -> np.ndarray | None:
        """Scores of the candidates; those that cannot be computed stand behind all others.

        Args:
            by_task: (candidates,) each.
            item: as-of features of the candidates.
            user: those of the user, one row.
            time_s: the moment of the list, Unix seconds.

        Returns:
            Shape (candidates,), float64, finite; None where none can be computed.

        Raises:
            KeyError: the model has no score of a task.
        """
        features = {"item": item, "user": user}
        values = {name: self._value(name, by_task, features, time_s) for name in self.formula.names}
        size = len(next(iter(by_task.values())))
        found = np.broadcast_to(self.formula(values), size)
        finite = np.isfinite(found)
        if not finite.any():
            return None
        scores: np.ndarray = np.clip(found, -MAX_FLOAT32, MAX_FLOAT32)
        behind = np.nextafter(scores[finite].min(), -np.inf)
        return np.where(finite, scores, max(behind, -MAX_FLOAT32))

    def _value(
        self, name: str, by_task: TaskScores, features: Mapping[str, Arrays], time_s: float
    ) -> np.ndarray:
        entity, _, own = name.rpartition(".")
        if entity not in features:
            return by_task[name]
        value = features[entity][f"{entity}_{own}"].astype(np.float64)
        if name in self.times:
            return np.where(value > 0, np.maximum(time_s - value, 0.0), YEAR_S)
        return value


class Objectives:
    """The objective of each placement; "" is that of requests that name none.

    Args:
        declared: the domain that requests are answered in.
    """

    def __init__(self, declared: Domain) -> None:
        self._declared = declared
        self._by_placement = dict(self._of(declared))

    def __getitem__(self, placement: str) -> Objective | None:
        return self._by_placement.get(placement)

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the formulas by placement; those ranked by the first task have none."""
        found = self._by_placement.items()
        return {name: each.formula.version for name, each in found if each is not None}

    def take(self, applied: Domain) -> list[str]:
        """Rank by the formulas of `applied` from now on; returns what is wrong with them.

        Where any is, nothing changes.
        """
        named = {"score.formula": applied.formula_of()} | {
            f"placements.{name}.score": applied.formula_of(name)
            for name in self._declared.placements
        }
        wrong = [
            f"`{path}` names `{received}`, which the domain of this process has not"
            for each, text in named.items()
            for path, _, received in wrong_names_of(self._declared, each, text)
        ]
        if not wrong:
            self._by_placement = dict(self._of(applied))
        return wrong

    def _of(self, domain: Domain) -> Iterator[tuple[str, Objective | None]]:
        for name in ("", *self._declared.placements):
            text = domain.formula_of(name)
            yield name, None if text is None else _objective(self._declared, formula(text))


def _objective(domain: Domain, read: Formula) -> Objective:
    return Objective(read, frozenset(name for name in read.names if _is_time(domain, name)))


def _is_time(domain: Domain, name: str) -> bool:
    entity, _, own = name.rpartition(".")
    if entity not in ENTITIES:
        return False
    side = domain.side("user" if entity == "user" else "item")
    attribute, kept = side.attributes.get(own), side.features.get(own)
    type_ = attribute.type if attribute is not None else kept.family if kept is not None else ""
    return type_ in _TIMES
