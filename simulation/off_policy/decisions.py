"""Logged decisions, and the policy that is judged on them."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np


class TargetPolicy(Protocol):
    """Policy that is judged: how it would have acted at each logged decision."""

    def probability(self, places: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """(decisions,) probability of the logged action at its place."""
        ...

    def expected(self, places: np.ndarray, by_action: np.ndarray) -> np.ndarray:
        """(decisions,) mean of `by_action`, (actions,), over the policy's own actions."""
        ...


@dataclass(frozen=True)
class ByPlace:
    """Policy that looks at the place alone.

    Args:
        table: (places, actions) probabilities; each row sums to 1.
    """

    table: np.ndarray

    def probability(self, places: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """(decisions,) probability of the logged action at its place."""
        return np.asarray(self.table[places, actions])

    def expected(self, places: np.ndarray, by_action: np.ndarray) -> np.ndarray:
        """(decisions,) mean of `by_action` over the policy's actions at each place."""
        return np.asarray((self.table @ by_action)[places])


@dataclass(frozen=True)
class Greedy:
    """Policy that always takes one action; it may differ by decision.

    Args:
        best: (decisions,) int64, -1 where it has no action.
    """

    best: np.ndarray

    def probability(self, places: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """(decisions,) 1 where the logged action is the one it takes."""
        return (self.best == actions).astype(np.float64)

    def expected(self, places: np.ndarray, by_action: np.ndarray) -> np.ndarray:
        """(decisions,) `by_action` of what it takes; 0 where it has no action."""
        return np.where(self.best >= 0, by_action[self.best], 0.0)


@dataclass(frozen=True)
class Decisions:
    """Logged decisions, one for each place of each list.

    Args:
        places: (decisions,) int64, the place in the list, from 0.
        actions: (decisions,) int64, the item that was shown.
        rewards: (decisions,) float64, such as 1 for a click.
        propensities: (decisions,) probability with which the logging policy took the action.
        groups: (decisions,) what depends on one another (a list, a user): drawn again together.
        count: how many actions there are.

    Raises:
        ValueError: a propensity is not above 0, or the columns are not of one length.
    """

    places: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    propensities: np.ndarray
    groups: np.ndarray
    count: int = field(kw_only=True)

    def __post_init__(self) -> None:
        lengths = {
            len(column)
            for column in (self.places, self.actions, self.rewards, self.propensities, self.groups)
        }
        if len(lengths) != 1:
            raise ValueError(f"Expected columns of one length. Received: {sorted(lengths)}.")
        if len(self) and not (least := self.propensities.min()) > 0.0:
            raise ValueError(f"`propensities` must be above 0. Received: {float(least)!r}.")

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def group_numbers(self) -> np.ndarray:
        """(decisions,) int64, the groups numbered from 0."""
        return np.asarray(np.unique(self.groups, return_inverse=True)[1])

    @cached_property
    def tries(self) -> tuple[np.ndarray, np.ndarray]:
        """(decisions,) number of the group's try of the action, and (tries,) the action of each."""
        keys, number = np.unique(
            self.group_numbers * np.int64(self.count) + self.actions, return_inverse=True
        )
        return number, keys % max(self.count, 1)
