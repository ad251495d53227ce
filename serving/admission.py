"""Admission control: who is worked on now, who waits a little, who is turned away at once.

A worker that is offered more than it can do must say so early: a request that waits in a queue for
longer than its budget is work for nobody. So few are worked on at once, those that come meanwhile
wait in their order, and nobody waits longer than `patience_s`:

    age on arrival (how late the event loop is)
    + requests that wait x time between two that leave    > patience_s: turned away
    waited                                                > patience_s: turned away

Reference: Nichols and Jacobson, ACM Queue 2012, https://doi.org/10.1145/2208917.2209336: the time
that requests wait, not their number, tells a standing queue from a burst.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

Shed = Literal["queue", "late", "gone"]

SHED_REASONS: dict[Shed, str] = {
    "queue": "Too many requests wait.",
    "late": "The request has waited too long.",
    "gone": "The client has hung up.",
}

_NEWEST_SHARE = 0.2  # of the newest interval in the average


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

    >>> door = Admission(at_once=1, patience_s=0.1)
    >>> first, second = door.arrived(0.0), door.arrived(0.0)
    >>> first.verdict, second.verdict
    ('go', None)
    >>> door.left(0.02)
    [Ticket(arrived_s=0.0, verdict='go')]
    """

    def __init__(self, at_once: int, patience_s: float) -> None:
        self._at_once = at_once
        self.patience_s = patience_s
        self._waiting: deque[Ticket] = deque()
        self._left_s: float | None = None  # when one left last, if others were there then
        self.in_progress = 0
        self.interval_s = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def arrived(self, now_s: float, late_s: float = 0.0) -> Ticket:
        """Take a request in, let it wait, or turn it away.

        Args:
            late_s: how late it is noticed that it has come, seconds.
        """
        ticket = Ticket(now_s - late_s)
        if late_s > self.patience_s:
            ticket.verdict = "late"
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
        return decided

    def withdraw(self, ticket: Ticket, reason: Shed) -> None:
        """Turn away one that waits; the others keep their order."""
        if ticket.verdict is None:
            ticket.verdict = reason
            self._waiting.remove(ticket)

    def _begin(self, ticket: Ticket) -> None:
        ticket.verdict = "go"
        self.in_progress += 1

    def _learn(self, now_s: float) -> None:
        """Between two that leave while all places are taken lies what one costs."""
        is_full = self.in_progress >= self._at_once
        if self._left_s is not None:
            interval_s = now_s - self._left_s
            self.interval_s += _NEWEST_SHARE * (interval_s - self.interval_s)
        self._left_s = now_s if is_full else None
