"""Feedback meets the list in which the item was shown.

An impression waits by its request id for `window_s` of event time. Feedback with that id gives a
labelled example at once, so that it is learnt within seconds; when the window closes, the items
without feedback become negatives. Each shown item makes exactly one example: the first feedback
that has a label decides.

The lists of a partition close in the order of their offsets, so that positions in the examples only
ever grow. A window also closes when it has been open for `window_s` plus a grace by the clock: when
no more events come, the last lists are not left hanging.

Feedback that comes before its list is remembered: it was used without the list, and is not used
again, nor is its item taken for a negative, when the list comes.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

import msgspec

from features.labels import label_of
from millstream.codec import decode, record_defaults
from millstream.errors import InvalidEvent
from millstream.events import Impression, Interaction, ShownItem
from stream.records import Source, Sourced


class Waiting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A list that was shown and whose window is open.

    Args:
        event_time: when it was shown, Unix seconds.
        received_at: when the stream got it, by the clock.
        message: the impression as it came.
    """

    partition: int
    offset: int
    event_time: float
    received_at: float
    message: bytes

    def impression(self) -> Impression:
        """The list itself; without items if an earlier version let in what this one refuses."""
        missing = record_defaults("impressions", self.partition, self.offset, self.event_time)
        try:
            event: Impression = decode(self.message, Impression, missing, _leave_out)
        except InvalidEvent:
            return Impression(
                event_id="", event_time=self.event_time, request_id="", user_id="", items=[]
            )
        return event


def _leave_out(paths: list[str]) -> None:
    """Unknown fields were named when the list came."""


@dataclass
class Joined:
    """An item of a list, and the label that its feedback gave."""

    impression: Impression
    item: ShownItem
    label: float


class Standing(Enum):
    """Feedback that makes no example of a list."""

    ALONE = auto()  # there is no such list, or the item is not in it: it stands for itself
    SETTLED = auto()  # the item has its label already, or this feedback has none


@dataclass
class Joins:
    """The open windows.

    Args:
        window_s: how long feedback is waited for.
        grace_s: how much longer by the clock.
        capacity: the most lists that wait; beyond it the oldest are closed early.
        waiting: lists by request id.
        order: request ids by partition, in the order of their offsets.
        answered: items with feedback by request id, of waiting lists and of such as may come.
        early: (by the clock, request id) of feedback that had no list.
        opened, touched, closed: request ids changed since the last `taken_changes`.
    """

    window_s: float
    grace_s: float
    capacity: int = 100_000
    waiting: dict[str, Waiting] = field(default_factory=dict)
    order: dict[int, deque[str]] = field(default_factory=dict)
    answered: dict[str, list[str]] = field(default_factory=dict)
    early: deque[tuple[float, str]] = field(default_factory=deque)
    opened: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)

    def open(self, sourced: Sourced, now_s: float) -> bool:
        """Begin to wait for feedback on a list; False if one of its request id waits already."""
        impression: Impression = sourced.event
        request_id = impression.request_id
        if request_id in self.waiting:
            return False
        partition, offset = sourced.source.partition, sourced.offset
        self._enqueue(
            request_id,
            Waiting(partition, offset, impression.event_time, now_s, sourced.value),
        )
        self.opened.add(request_id)
        return True

    def answer(self, feedback: Interaction, now_s: float) -> Joined | Standing:
        """The shown item that `feedback` labels, with its label."""
        request_id, item_id = feedback.request_id, feedback.item_id
        if request_id is None:
            return Standing.ALONE
        label = label_of(feedback.kind, feedback.value)
        found = self._shown(request_id, item_id)
        if label is None or item_id in self.answered.get(request_id, ()):
            return Standing.SETTLED if found else Standing.ALONE
        if request_id in self.waiting and not found:
            return Standing.ALONE
        self._note(request_id, item_id, now_s)
        return Joined(*found, label) if found else Standing.ALONE

    def close(self, watermark: float, now_s: float) -> Iterator[tuple[Source, int, list[Joined]]]:
        """Lists whose window is over: source partition, offset, and the items without feedback."""
        for partition, requests in self.order.items():
            while requests and self._is_over(self.waiting[requests[0]], watermark, now_s):
                request_id = requests.popleft()
                waiting = self.waiting.pop(request_id)
                impression = waiting.impression()
                answered = self._forget(request_id)
                left = [item for item in impression.items if item.item_id not in answered]
                source = Source("impressions", partition)
                yield source, waiting.offset, [Joined(impression, item, 0.0) for item in left]
        self._drop_early(now_s)

    def has_over(self, watermark: float, now_s: float) -> bool:
        """Whether `close` would close anything."""
        heads = (self.waiting[requests[0]] for requests in self.order.values() if requests)
        return any(self._is_over(waiting, watermark, now_s) for waiting in heads)

    def restore(
        self, waiting: dict[str, Waiting], answered: dict[str, list[str]], now_s: float
    ) -> None:
        """Begin with what a store kept."""
        self.waiting, self.order = {}, {}
        for request_id, kept in sorted(waiting.items(), key=lambda entry: entry[1].offset):
            self._enqueue(request_id, kept)
        self.answered = answered
        self.early = deque((now_s, request) for request in answered if request not in waiting)

    def taken_changes(self) -> tuple[set[str], set[str], set[str]]:
        """Request ids (opened, touched, closed) since this was last asked."""
        changes = self.opened - self.closed, self.touched - self.closed, self.closed
        self.opened, self.touched, self.closed = set(), set(), set()
        return changes

    def _enqueue(self, request_id: str, waiting: Waiting) -> None:
        self.waiting[request_id] = waiting
        self.order.setdefault(waiting.partition, deque()).append(request_id)

    def _shown(self, request_id: str, item_id: str) -> tuple[Impression, ShownItem] | None:
        waiting = self.waiting.get(request_id)
        if waiting is None:
            return None
        impression = waiting.impression()
        return next(((impression, i) for i in impression.items if i.item_id == item_id), None)

    def _note(self, request_id: str, item_id: str, now_s: float) -> None:
        if request_id not in self.waiting and request_id not in self.answered:
            self.early.append((now_s, request_id))
        self.answered.setdefault(request_id, []).append(item_id)
        self.touched.add(request_id)

    def _is_over(self, waiting: Waiting, watermark: float, now_s: float) -> bool:
        return (
            watermark >= waiting.event_time + self.window_s
            or now_s >= waiting.received_at + self.window_s + self.grace_s
            or len(self.waiting) > self.capacity
        )

    def _forget(self, request_id: str) -> Iterable[str]:
        self.closed.add(request_id)
        return self.answered.pop(request_id, [])

    def _drop_early(self, now_s: float) -> None:
        while self.early and now_s >= self.early[0][0] + self.window_s + self.grace_s:
            _, request_id = self.early.popleft()
            if request_id not in self.waiting:
                self._forget(request_id)
