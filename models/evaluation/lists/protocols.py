"""Which interactions are learnt from, and which lists are then asked for.

Figures of two protocols say nothing about each other; see `models.evaluation.lists.figures`.
"""

from typing import NamedTuple

import numpy as np

from models.evaluation.lists.questions import Questions, asked
from models.evaluation.lists.ragged import Ragged


class Protocol(NamedTuple):
    """A corpus in parts.

    Args:
        name: with everything that makes figures comparable.
        train: what is learnt from, a list a user (of `strong`: of the training users).
        valid: lists by which choices are made; None where a protocol has none.
        test: lists that are reported.
    """

    name: str
    train: Ragged
    valid: Questions | None
    test: Questions


class Interactions(NamedTuple):
    """What people did, a row each.

    Args:
        users: (n,) int64 numbers from 0.
        items: (n,) int64 numbers from 0.
        times_s: (n,) seconds; None: the order of rows is the order in time.
        user_count, item_count: how many there are.
    """

    users: np.ndarray
    items: np.ndarray
    times_s: np.ndarray | None
    user_count: int
    item_count: int

    def by_user(self, rows: np.ndarray | None = None) -> Ragged:
        """Items of each user, oldest first; of some rows only."""
        rows = np.arange(len(self.users)) if rows is None else np.sort(rows)
        if self.times_s is not None:
            rows = rows[np.argsort(self.times_s[rows], kind="stable")]
        return Ragged.of(self.users[rows], self.items[rows], self.user_count)


def leave_one_out(log: Interactions, *, seen_removed: bool = True) -> Protocol:
    """The last item of each user is the test, the last but one validates, the others train.

    Rows of one time stay in their order. Users with fewer than three items only train. The test
    sees the item that validates.

    Reference: Kang & McAuley, ICDM 2018, https://arxiv.org/abs/1808.09781, section 4.1.
    """
    lists = log.by_user()
    left_out = np.where(lists.sizes >= 3, 2, 0)
    place = np.arange(len(lists.values)) - lists.starts[lists.lists]
    from_end = lists.sizes[lists.lists] - place  # 1 is the last

    def without_last(n: np.ndarray) -> Ragged:
        kept = from_end > n[lists.lists]
        return Ragged.of(lists.lists[kept], lists.values[kept], len(lists))

    def questions(n: int) -> Questions:
        is_answer = (from_end == n) & (left_out[lists.lists] > 0)
        answers = Ragged.of(lists.lists[is_answer], lists.values[is_answer], len(lists))
        history = without_last(np.where(left_out > 0, n, 0))
        times = _times_of(log, is_answer)
        users = np.arange(len(lists))
        return asked(log.item_count, history, answers, users, times, seen_removed=seen_removed)[0]

    name = "leave one out" + ("" if seen_removed else ", seen items kept")
    return Protocol(name, without_last(left_out), questions(2), questions(1))


def strong_generalisation(
    log: Interactions, *, held_out: int, shown: float = 0.8, seed: int = 0
) -> Protocol:
    """Users that were never learnt from show a part of their items, and are asked for the others.

    `held_out` users validate, as many are tested. Of each, a random share `shown` is the history.
    Users with one item cannot be asked, and are left out.

    Reference: Liang et al., WWW 2018, https://arxiv.org/abs/1802.05814, section 4.1.

    Raises:
        ValueError: there are not enough users.
    """
    rng = np.random.default_rng(seed)
    lists = log.by_user()
    askable = np.flatnonzero(lists.sizes >= 2)
    if not 0 < held_out < len(askable) / 2:
        raise ValueError(
            f"`held_out` must be above 0, and below half of {len(askable)} users. "
            f"Received: {held_out}."
        )
    drawn = rng.permutation(askable)
    train = np.sort(drawn[2 * held_out :])

    def questions(users: np.ndarray) -> Questions:
        part = lists.take(users)
        order = np.lexsort((rng.random(len(part.values)), part.lists))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order)) - part.starts[part.lists]
        sizes = part.sizes
        few = np.clip(np.round(shown * sizes), 1, sizes - 1).astype(np.int64)
        is_shown = rank < few[part.lists]

        def where(kept: np.ndarray) -> Ragged:
            return Ragged.of(part.lists[kept], part.values[kept], len(part))

        nobody = np.full(len(users), -1)
        return asked(log.item_count, where(is_shown), where(~is_shown), nobody)[0]

    name = f"strong generalisation, {held_out} users, {shown} shown, seed {seed}"
    valid, test = (questions(np.sort(drawn[i * held_out : (i + 1) * held_out])) for i in (0, 1))
    return Protocol(name, lists.take(train), valid, test)


def time_split(log: Interactions, *, test_share: float = 0.1) -> Protocol:
    """Everything before a moment is learnt from; who acts after it is asked for what they did then.

    The newest `test_share` of the rows are the test's answers, as many before them validate.
    Histories end at the moment; people who are new then have none.

    Raises:
        ValueError: rows have no times, or the share leaves nothing to learn from.
    """
    if log.times_s is None:
        raise ValueError("`times_s` must be given for a split by time. Received: None.")
    if not 0 < test_share < 0.5:
        raise ValueError(f"`test_share` must be in (0, 0.5). Received: {test_share}.")
    order = np.argsort(log.times_s, kind="stable")
    cuts = [round(len(order) * (1 - n * test_share)) for n in (2, 1)]

    def questions(start: int, end: int) -> Questions:
        before, after = log.by_user(order[:start]), log.by_user(order[start:end])
        times = np.full(log.user_count, log.times_s[order[start]])  # type: ignore[index]
        return asked(log.item_count, before, after, np.arange(log.user_count), times)[0]

    valid, test = questions(*cuts), questions(cuts[1], len(order))
    return Protocol(f"time split, {test_share} newest", log.by_user(order[: cuts[0]]), valid, test)


def random_split(
    log: Interactions, *, test_share: float = 0.1, seed: int = 0, seen_removed: bool = False
) -> Protocol:
    """A random share of the rows is the test, a question each; the future is learnt from too.

    It is here for figures that others have published by it. The histories are the training rows
    of the user.
    """
    order = np.random.default_rng(seed).permutation(len(log.users))
    tested, kept = np.split(order, [round(len(order) * test_share)])
    train = log.by_user(kept)
    tested = np.sort(tested)
    users = log.users[tested]
    answers = Ragged(np.arange(len(tested) + 1), log.items[tested])
    times = None if log.times_s is None else log.times_s[tested]
    history = train.take(users)
    test, _ = asked(log.item_count, history, answers, users, times, seen_removed=seen_removed)
    name = f"random rows, {test_share}, seed {seed}" + (", seen removed" if seen_removed else "")
    return Protocol(name, train, None, test)


def _times_of(log: Interactions, is_answer: np.ndarray) -> np.ndarray | None:
    """(users,) time of each user's row that `is_answer` marks, in the order of `by_user`."""
    if log.times_s is None:
        return None
    order = np.lexsort((log.times_s, log.users))
    times = np.zeros(log.user_count)
    times[log.users[order][is_answer]] = log.times_s[order][is_answer]
    return times
