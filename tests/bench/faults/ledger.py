"""Every event that was sent, by id, and what must have become of all of them.

The oracle is a plain fold over what was sent: it shares no code with the stream.
"""

import logging
import random
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from features.spec import BY_NAME

HALF_LIFE_S = float(BY_NAME["user_events_30d"].half_life_s or 0.0)
# Less than one event, more than the rounding of float32.
TOLERANCE = 0.2
MOST_SHOWN = 20

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sent:
    """A click.

    Args:
        time_s: when it happened, Unix seconds.
        request_id: of the list that it is feedback on.
    """

    user: str
    item: str
    time_s: float
    request_id: str | None = None


@dataclass
class Ledger:
    """Clicks that were sent; threads add to it.

    Args:
        sent: clicks by event id.
        repeats: how many were sent a second time.
        answers: HTTP answers by status; "none" where there was no connection or no answer in time.
    """

    sent: dict[str, Sent] = field(default_factory=dict)
    repeats: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    _newest: deque[str] = field(default_factory=lambda: deque(maxlen=1_000))
    _lock: Lock = field(default_factory=Lock)

    def add(self, event_id: str, click: Sent) -> None:
        """Note a click that will be sent until the broker has it."""
        with self._lock:
            self.sent[event_id] = click
            self._newest.append(event_id)

    def answered(self, status: str) -> None:
        """Note an HTTP answer."""
        with self._lock:
            self.answers[status] += 1

    def one_again(self, rng: random.Random) -> tuple[str, Sent]:
        """One of the newest 1,000 clicks, to be sent a second time."""
        with self._lock:
            event_id = self._newest[rng.randrange(len(self._newest))]
            self.repeats += 1
            return event_id, self.sent[event_id]

    def refused_answers(self) -> int:
        """Answers that say the server failed; 503 is one of them."""
        return sum(count for status, count in self.answers.items() if status.startswith("5"))

    def counts(self, entity: str) -> dict[str, float]:
        """The 30-day count of each user or item, as of its newest click."""
        newest: dict[str, float] = {}
        for click in self.sent.values():
            name = getattr(click, entity)
            newest[name] = max(newest.get(name, 0.0), click.time_s)
        found: defaultdict[str, float] = defaultdict(float)
        for click in self.sent.values():
            name = getattr(click, entity)
            found[name] += 0.5 ** ((newest[name] - click.time_s) / HALF_LIFE_S)
        return dict(found)


@dataclass
class Balance:
    """Differences between what was sent and what is stored; all must be zero.

    Args:
        lost, doubled: events that a user's or an item's count lacks, or has too many.
        unlearnt, learnt_twice: clicks without an example with label 1, or with several.
        both_labels: shown items with several examples.
        unlabelled: shown items of closed lists without an example.
        rows_twice: offline rows that are there again.
        trainer_off: how many rows the trainer has learnt too many or too few.
        weights_off: arrays that differ from those of a trainer that was never disturbed.
        server_errors: 5xx answers.
    """

    lost: int = 0
    doubled: int = 0
    unlearnt: int = 0
    learnt_twice: int = 0
    both_labels: int = 0
    unlabelled: int = 0
    rows_twice: int = 0
    trainer_off: int = 0
    weights_off: int = 0
    server_errors: int = 0

    @property
    def is_even(self) -> bool:
        """Return whether nothing is lost, doubled or refused."""
        return not any(vars(self).values())


def compare_counts(
    balance: Balance, expected: Mapping[str, float], found: Mapping[str, float]
) -> None:
    """Add what counts lack, or have too many, to `balance`."""
    for name, count in expected.items():
        off = found.get(name, 0.0) - count
        if off < -TOLERANCE:
            balance.lost += max(round(-off), 1)
        elif off > TOLERANCE:
            balance.doubled += max(round(off), 1)


def compare_examples(
    balance: Balance,
    sent: Mapping[str, Sent],
    rows: Iterable[Mapping[str, Any]],
    shown: Mapping[tuple[str, float], set[str]],
) -> None:
    """Add what is wrong with the examples to `balance`.

    Args:
        rows: of the topic `examples`, as a consumer keeps them.
        shown: items of the lists whose windows are over, by user and time of the list.
    """
    positives: Counter[str] = Counter()
    labelled: Counter[tuple[str, float, str]] = Counter()
    for row in rows:
        if row["origin"] == "impression":
            labelled[row["user_id"], row["event_time"], row["item_id"]] += 1
        if row["label"] == 1.0:
            positives[row["event_id"]] += 1
    unlearnt = [event_id for event_id in sent if event_id not in positives]
    for event_id in unlearnt[:MOST_SHOWN]:
        log.warning("No example of a click: %s, %s", event_id, sent[event_id])
    balance.unlearnt += len(unlearnt)
    balance.learnt_twice += sum(count > 1 for count in positives.values())
    balance.both_labels += sum(count > 1 for count in labelled.values())
    # Feedback that overtook its list stands for itself, and its item makes no example of the list.
    clicked = {(each.user, each.item) for each in sent.values() if each.request_id}
    for (user, time_s), items in shown.items():
        missing = {item for item in items if (user, time_s, item) not in labelled}
        balance.unlabelled += sum((user, item) not in clicked for item in missing)
