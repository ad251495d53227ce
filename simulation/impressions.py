"""Logged impressions as decisions: what the loop would have shown in their places, and what it
earns.

A place is judged given the items above it, as the logging policy drew it: the loop puts there the
best of its own list that is not above. Its policy takes that one for sure: exploration is left
out. What is earned at a place is taken to depend on the item, the place and the moment alone (the
item-position model).

Reference: Li et al., 2018, "Offline evaluation of ranking policies with click models",
https://arxiv.org/abs/1804.10488, section 4.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from millstream.events import Impression
from simulation.judging import NOT_FOUND
from simulation.log import EventLog
from simulation.off_policy.decisions import Decisions, Greedy
from simulation.outcome import Judged

# Positives of a log by the list and the item that they name.
Earned = Mapping[tuple[str, str], float]


def earned(log: EventLog) -> Earned:
    """1 for each item of each list that a positive event names; tables name none."""
    positive = (event for n, event in enumerate(log.originals) if log.positive[n])
    return {
        (event.request_id, event.item_id): 1.0 for event in positive if event.request_id is not None
    }


def judged(
    number: int,
    shown: Impression,
    listed: Sequence[int],
    numbers: Mapping[str, int],
    rewards: Earned,
) -> Judged:
    """A logged list beside that of the loop.

    Args:
        number: of the impression.
        listed: item numbers of the loop's list, best first.
        numbers: of items by id.
        rewards: by list and item.
    """
    items = sorted(shown.items, key=lambda item: item.position)
    actions = [numbers[item.item_id] for item in items]
    best = [
        next((one for one in listed if one not in actions[:place]), NOT_FOUND)
        for place in range(len(actions))
    ]
    return Judged(
        number,
        np.array([item.position for item in items], np.int64),
        np.array(actions, np.int64),
        np.array(best, np.int64),
        np.array([item.propensity for item in items], np.float64),
        np.array([rewards.get((shown.request_id, item.item_id), 0.0) for item in items]),
    )


def decisions_of(lists: Sequence[Judged], groups: Sequence[str], count: int) -> Decisions:
    """The places of all lists as decisions; a place of propensity 0 cannot have been shown.

    Args:
        groups: (lists,) what is drawn again together: the users.
        count: of items.
    """
    sizes = [len(each.places) for each in lists]
    return Decisions(
        np.concatenate([each.places for each in lists]),
        np.concatenate([each.actions for each in lists]),
        np.concatenate([each.rewards for each in lists]),
        np.concatenate([each.propensities for each in lists]),
        np.repeat(np.array(groups, object).astype(str), sizes),
        count=count,
    )


def target_of(lists: Sequence[Judged]) -> Greedy:
    """The loop's policy at the places of all lists."""
    return Greedy(np.concatenate([each.best for each in lists]))
