"""Admission control: who is worked on now, who waits a little, who is turned away at once.

A worker that is offered more than it can do must say so early: a request that is answered after its
budget is work for nobody. So few are worked on at once, those that come meanwhile wait in their
order, and whoever comes is turned away where

    age on arrival + (requests in the house + 1) x time between two that leave > within_s, or
    age on arrival + (requests that wait + 1)    x time between two that leave > patience_s,

and later where its turn has not come after `patience_s`, or where for a while every arrival was
noticed later than that. The age on arrival is how late the event loop is. After one halt of it (a
large request, a process that was stopped) those who find one of a few places are worked on, however
late they are.

References: Little, Operations Research 1961, https://doi.org/10.1287/opre.9.3.383: who comes stays
for as long as those in the house take to leave. Nichols and Jacobson, ACM Queue 2012,
https://doi.org/10.1145/2208917.2209336: the time that requests wait, not their number, tells a
standing queue from a burst.
"""

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Literal

Shed = Literal["queue", "late", "gone"]

SHED_REASONS: dict[Shed, str] = {
    "queue": "Too many requests wait.",
    "late": "The request has waited too long.",
    "gone": "The client has hung up.",
}

_FEW = 4  # in the house always have a place
_NEWEST_SHARE = 0.2  # of the newest interval in the average
_A_WHILE_S = 0.5  # of late arrivals that make a standing queue of what was a halt


@dataclass(eq=False)
class Ticket:
    """A place in the queue.

    Args:
        arrived_s: when the request came.
        verdict: None while it waits; `"go"`, or why it is turned away.
    """

    arrived_s: float
    verdict: Literal["go"] | Shed | None = None


class Admission:
    """Decides by numbers alone; times are seconds of one steady clock.

    Args:
        at_once: how many are worked on at a time.
        patience_s: how long a request may have waited when its turn comes.
        within_s: how long after its arrival a request must be answered, as far as can be foreseen.

    >>> door = Admission(at_once=1, patience_s=0.1)
    >>> first, second = door.arrived(0.0), door.arrived(0.0)
    >>> first.verdict, second.verdict
    ('go', None)
    >>> door.left(0.02)
    [Ticket(arrived_s=0.0, verdict='go')]
    """

    def __init__(self, at_once: int, patience_s: float, within_s: float = inf) -> None:
        self._at_once = at_once
        self.patience_s = patience_s
        self._within_s = within_s
        self._waiting: deque[Ticket] = deque()
        self._left_s: float | None = None  # when one left last, if others stayed
        self._late_since_s = self._late_last_s = float("-inf")
        self.in_progress = 0
        self.interval_s = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_busy(self) -> bool:
        """True if so many are in the house that others may have to wait or be turned away."""
        return self.in_progress >= min(_FEW, self._at_once)

    def arrived(self, now_s: float, late_s: float = 0.0) -> Ticket:
        """Take a request in, let it wait, or turn it away.

        Args:
            late_s: how late it is noticed that it has come, seconds.
        """
        ticket = Ticket(now_s - late_s)
        if self._is_always_late(now_s, late_s):
            ticket.verdict = "late"
        elif not self._has_room(late_s):
            ticket.verdict = "queue"
        elif self.in_progress < self._at_once:
            self._begin(ticket)
        elif late_s + (len(self._waiting) + 1) * self.interval_s > self.patience_s:
            ticket.verdict = "queue"
        else:
            self._waiting.append(ticket)
        return ticket

    def left(self, now_s: float) -> list[Ticket]:
        """Note that one has been answered; returns those whose waiting is over, in their order."""
        self._learn(now_s)
        self.in_progress -= 1
        decided = []
        while self._waiting and self.in_progress < self._at_once:
            ticket = self._waiting.popleft()
            decided.append(ticket)
            if now_s - ticket.arrived_s > self.patience_s:
                ticket.verdict = "late"
            else:
                self._begin(ticket)
        self._left_s = now_s if self.in_progress else None
        return decided

    def withdraw(self, ticket: Ticket, reason: Shed) -> None:
        """Turn away one that waits; the others keep their order."""
        if ticket.verdict is None:
            ticket.verdict = reason
            self._waiting.remove(ticket)

    def _is_always_late(self, now_s: float, late_s: float) -> bool:
        if late_s <= self.patience_s:
            self._late_last_s = float("-inf")
            return False
        if now_s - self._late_last_s > _A_WHILE_S:
            self._late_since_s = now_s
        self._late_last_s = now_s
        return now_s - self._late_since_s >= _A_WHILE_S

    def _begin(self, ticket: Ticket) -> None:
        ticket.verdict = "go"
        self.in_progress += 1

    def _has_room(self, late_s: float) -> bool:
        if not self.is_busy:
            return True
        in_the_house = self.in_progress + len(self._waiting)
        return late_s + (in_the_house + 1) * self.interval_s <= self._within_s

    def _learn(self, now_s: float) -> None:
        """Between two that leave while others stay lies what one costs."""
        if self._left_s is not None:
            # One halt must not close the door: more than this closes it no further.
            interval_s = min(now_s - self._left_s, self._within_s / _FEW)
            self.interval_s += _NEWEST_SHARE * (interval_s - self.interval_s)
