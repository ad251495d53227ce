"""Events of the same instant: in order by their fingerprints, and unseen by one another."""

from collections.abc import Sequence

import numpy as np

from features.entity_rule import State
from features.history import MAX_UPDATES, History
from features.rounds import Rounds
from features.update import EventColumns
from stream.processing.columns import UNKNOWN, AsOfLookups


def follow(
    which: np.ndarray,
    histories: Sequence[History],
    rounds: Rounds,
    entity_of: np.ndarray,
    events: EventColumns,
) -> np.ndarray:
    """Whether the events `which` have their place after their entity's event before, as it is."""
    entities, updates, follows = len(histories), events.updates, list[bool]()
    for event, row in zip(which.tolist(), rounds.before[which].tolist(), strict=True):
        if row >= entities:
            before = updates[rounds.order[row - entities]]
        else:
            earlier = histories[entity_of[event]].updates
            if not earlier:
                follows.append(False)
                continue
            before = earlier[-1]
        follows.append(updates[event].follows(before))
    return np.array(follows, np.bool_)


def state_rows(
    rows: np.ndarray,
    histories: Sequence[History],
    times: np.ndarray,
    rounds: Rounds,
    lookups: AsOfLookups,
) -> tuple[np.ndarray, list[State]]:
    """Rows of the states before the times of lookups, of which none is before the newest state.

    What is as old as the lookup is passed over, one event after another, as far as a history
    reaches back.

    Args:
        rows: (lookups,) the newest of each entity.
        times: of the rows.

    Returns:
        Rows, `UNKNOWN` where it was forgotten; and states from the histories, whose rows come
        after those of `times`.
    """
    entities, more = len(histories), list[State]()
    found, begin = rows.copy(), rows < entities
    steps = np.zeros(len(rows), np.intp)
    while len(same := np.flatnonzero(~begin & (times[found] >= lookups.times))):
        found[same] = rounds.before[rounds.order[found[same] - entities]]
        steps[same] += 1
        begin = found < entities
    for n in np.flatnonzero(begin & (times[found] >= lookups.times)).tolist():
        history, time_s = histories[lookups.entities[n]], float(lookups.times[n])
        state = history.before(time_s)
        if state is not None:
            steps[n] += sum(later.time >= time_s for later in history.states)
            found[n] = len(times) + len(more)
            more.append(state)
        else:
            found[n] = UNKNOWN
    found[steps > MAX_UPDATES] = UNKNOWN
    return found, more
