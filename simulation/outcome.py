"""Outcomes of a backtest, question by question."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from simulation.judging import NOT_FOUND
from simulation.watching import Stages

LOOP = "millstream"


class Judged(NamedTuple):
    """A logged list, place by place, and what the loop would have shown there.

    Args:
        impression: its number in the plan.
        places, actions, best: (places,) int64: the place, the item shown, the item that the loop
            puts there below the same items; -1 where it has none.
        propensities, rewards: (places,) float64.
    """

    impression: int
    places: np.ndarray
    actions: np.ndarray
    best: np.ndarray
    propensities: np.ndarray
    rewards: np.ndarray


@dataclass
class Outcome:
    """The answers to the questions of one run, as columns that grow.

    Args:
        places: of the questions in the log.
        ranks: by who answered: the place of the right answer in the list, -1 if it is not there.
        lists: of the loop: item numbers of each list, best first.
        stages: of the loop: where the right answer stood on the way.
        weights: of the loop: shares of the candidates by source.
        degraded: of the loop: what each list had to do without, joined by commas.
        known_user: whether the user had been met in an earlier session.
        known_item: whether the right answer had been met before.
        found_by: of the loop: sources that brought the right answer, where it is in the list.
        judged: logged lists, judged by what the loop would have shown.
        variants: outcomes of other settings on the same questions, by name.
    """

    places: list[int] = field(default_factory=list)
    ranks: dict[str, list[int]] = field(default_factory=dict)
    lists: list[np.ndarray] = field(default_factory=list)
    stages: list[Stages] = field(default_factory=list)
    weights: Mapping[str, float] = field(default_factory=dict)
    degraded: list[str] = field(default_factory=list)
    known_user: list[bool] = field(default_factory=list)
    known_item: list[bool] = field(default_factory=list)
    found_by: list[tuple[str, ...]] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    variants: dict[str, "Outcome"] = field(default_factory=dict)

    def answered(self, name: str, rank: int) -> None:
        """Note the place of the right answer in the list of `name`."""
        self.ranks.setdefault(name, []).append(rank)

    def rank_array(self, name: str) -> np.ndarray:
        """(questions,) int64."""
        return np.array(self.ranks.get(name, []), np.int64)

    def source_ranks(self) -> dict[str, np.ndarray]:
        """By source, (questions,) int64."""
        names = self.stages[0].sources if self.stages else ()
        return {s: np.array([each.sources[s] for each in self.stages], np.int64) for s in names}

    def stage_ranks(self, name: str) -> np.ndarray:
        """(questions,) places after the stage `retrieved`, `counted`, `ranked` or `fused`."""
        return np.array([getattr(each, name) for each in self.stages], np.int64)

    def digest(self) -> str:
        """A fingerprint of all lists: two runs with the same one gave the same answers."""
        whole = hashlib.sha256()
        for made in self.lists:
            whole.update(np.append(made, NOT_FOUND).astype("<i8").tobytes())
        return whole.hexdigest()[:16]
