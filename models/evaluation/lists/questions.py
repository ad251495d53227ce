"""Lists that are asked for, with their right answers."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.evaluation.lists.ragged import Ragged


@dataclass(frozen=True)
class Questions:
    """One list asked for, for each entry.

    Args:
        items: how many items the corpus has; they are numbered 0 to items - 1.
        history: what a model may know of each, oldest first where the order is known.
        relevant: the right answers, each once, none of them in `seen`; at least one each.
        seen: items that no list may hold.
        users: (n,) int64 who asks; -1 where a model cannot know.
        times_s: (n,) of the request, in seconds; None where it is not known.

    Raises:
        ValueError: parts that do not fit together; a question without an answer, or one whose
            answer is among the `seen`.
    """

    items: int
    history: Ragged
    relevant: Ragged
    seen: Ragged
    users: np.ndarray
    times_s: np.ndarray | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.history), len(self.relevant), len(self.seen), len(self.users)}
        if len(lengths | ({len(self.times_s)} if self.times_s is not None else set())) != 1:
            raise ValueError(f"Parts of questions must be of one length. Received: {lengths}.")
        for name in ("history", "relevant", "seen"):
            values = getattr(self, name).values
            if len(values) and not 0 <= values.min() <= values.max() < self.items:
                raise ValueError(
                    f"`{name}` must hold items 0 to {self.items - 1}. "
                    f"Received: {values.min()} to {values.max()}."
                )
        if len(self) and not self.relevant.sizes.all():
            without = np.flatnonzero(self.relevant.sizes == 0)[:5].tolist()
            raise ValueError(f"`relevant` must have an item each. Received none at: {without}.")
        if np.isin(self._keys(self.relevant), self._keys(self.seen)).any():
            raise ValueError("`relevant` must hold no item that is `seen`. Received: some.")

    def __len__(self) -> int:
        return len(self.users)

    def take(self, which: np.ndarray) -> Self:
        """Some of the questions."""
        times = None if self.times_s is None else self.times_s[which]
        parts = (self.history.take(which), self.relevant.take(which), self.seen.take(which))
        return type(self)(self.items, *parts, self.users[which], times)

    def _keys(self, lists: Ragged) -> np.ndarray:
        return lists.lists * self.items + lists.values


def asked(
    items: int,
    history: Ragged,
    relevant: Ragged,
    users: np.ndarray,
    times_s: np.ndarray | None = None,
    *,
    seen_removed: bool = True,
) -> tuple[Questions, np.ndarray]:
    """Questions of those lists that keep an answer, and their numbers.

    An answer counts once. With `seen_removed`, the history may not be shown again: answers that are
    in it are left out, and so are questions without another answer.
    """
    keys = np.unique(relevant.lists * items + relevant.values)
    if seen_removed:
        keys = np.setdiff1d(keys, history.lists * items + history.values)
    kept = np.unique(keys // items)
    place = np.full(len(history), -1)
    place[kept] = np.arange(len(kept))
    answers = Ragged.of(place[keys // items], keys % items, len(kept))
    history = history.take(kept)
    seen = history if seen_removed else Ragged.empty(len(kept))
    times = None if times_s is None else times_s[kept]
    return Questions(items, history, answers, seen, users[kept], times), kept
