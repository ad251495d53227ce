"""A small log with a pattern: after item n of a pair comes its partner."""

import numpy as np

from simulation.log import EventLog

START_S = 1_750_000_000.0 // 3_600 * 3_600


def small_log(events: int = 80, users: int = 20, pairs: int = 4, seed: int = 3) -> EventLog:
    """Ten minutes of sessions of two events, a pair's items each; sessions overlap in time."""
    rng = np.random.default_rng(seed)
    sessions = events // 2
    pair = rng.integers(pairs, size=sessions)
    user = rng.integers(users, size=sessions)
    begin = np.sort(rng.random(sessions)) * 600.0
    times = np.concatenate([begin, begin + 20.0])
    order = np.argsort(times, kind="stable")
    items = np.concatenate([2 * pair, 2 * pair + 1])
    return EventLog(
        times=START_S + times[order],
        users=np.tile(user, 2)[order],
        items=items[order],
        sessions=np.tile(np.arange(sessions), 2)[order],
        positive=np.ones(2 * sessions, np.bool_),
        user_ids=[f"u{n}" for n in range(users)],
        item_ids=[f"i{n}" for n in range(2 * pairs)],
    )
