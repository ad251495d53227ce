"""Impression join: feedback is attributed to the list in which the item was shown.

An impression waits by its request id for `window_s` of event time. Feedback of the same user with
that id gives a labelled example at once, so that it is learnt within seconds; when the window
closes, the items without feedback become negatives. Each shown item makes exactly one example: the
first feedback that has a label decides.

Whether a list is still open to some feedback is told by the watermark of the feedback's own
partition, and a list is closed only when the watermark of all of them has passed: so the answer
follows from the log, however it is cut into batches, in whatever step the partitions are read, and
as often as it is read again. A window also closes when everything has been silent until `window_s`
plus a grace after the list came, by the clock that the watermark has taken over: the last lists are
not left hanging.

The lists of a partition close in the order of their offsets, so that positions in the examples only
ever grow. When what waits would take more than `memory_bytes`, the oldest lists close early.

Feedback that comes before its list is remembered: it was used without the list, and is not used
again, nor is its item taken for a negative, when the list comes.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, NamedTuple

import msgspec

from features.labels import WEIGHTS, label_of
from millstream.codec import decode, record_defaults
from millstream.errors import InvalidEvent
from millstream.events import Impression, Interaction, ShownItem
from stream.ingest.records import EventRecord, TopicPartition
from stream.state.watermark import Watermark

# What a list takes beside its message, and feedback beside its item's id: bytes, about.
LIST_BYTES, FEEDBACK_BYTES = 800, 250
# The share of the memory that feedback without a list may take.
EARLY_SHARE = 0.25
# What is remembered for one list at the most.
EARLY_FEEDBACK = 500

Reason = Literal["watermark", "silence", "memory"]
REASONS: tuple[Reason, ...] = ("watermark", "silence", "memory")


class OpenWindow(msgspec.Struct, frozen=True, array_like=True, gc=False):
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
class LabelledItem:
    """An item of a list, and the label that its feedback gave, with its weight in the loss."""

    impression: Impression
    item: ShownItem
    label: float
    weight: float = 1.0


class Closed(NamedTuple):
    """A list whose window is over.

    Args:
        source, offset: of the list.
        left: the items without feedback.
        reason: why it is closed.
        event_time: when it was shown, Unix seconds.
    """

    source: TopicPartition
    offset: int
    left: list[LabelledItem]
    reason: Reason
    event_time: float


class Attribution(Enum):
    """Attribution of feedback that makes no example of a list."""

    UNATTRIBUTED = auto()  # no open list of its user has the item: it stands for itself
    ALREADY_LABELLED = auto()  # the item has its label already, or this feedback has none


@dataclass
class ImpressionJoin:
    """The open windows.

    Args:
        window_s: how long feedback is waited for.
        grace_s: how much longer by the clock.
        memory_bytes: what the lists and the feedback may take, about.
        open_windows: lists by request id.
        order: request ids by partition, in the order of their offsets.
        attributed: items with feedback by request id, of waiting lists; of such as may come, items
            and their users (`_early_key`).
        early: (event time, time by the clock) of the first feedback that had no list, by request.
        size_bytes: what the lists and the feedback take, about.
        opened, touched, closed: request ids changed since the last `take_changes`.
    """

    window_s: float
    grace_s: float
    memory_bytes: int = 512 << 20
    open_windows: dict[str, OpenWindow] = field(default_factory=dict)
    order: dict[int, deque[str]] = field(default_factory=dict)
    attributed: dict[str, list[str]] = field(default_factory=dict)
    early: dict[str, tuple[float, float]] = field(default_factory=dict)
    size_bytes: int = 0
    opened: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    _evicted: list[Closed] = field(default_factory=list)

    def open(self, record: EventRecord, watermark: Watermark, now_s: float) -> bool:
        """Begin to wait for feedback on a list; False if one of its request id waits already."""
        impression: Impression = record.event
        request_id = impression.request_id
        if request_id in self.open_windows:
            return False
        window = OpenWindow(
            record.source.partition, record.offset, impression.event_time, now_s, record.value
        )
        self._take_early(impression, watermark)
        self._enqueue(request_id, window)
        self.opened.add(request_id)
        self._make_room()
        return True

    def attribute(
        self, feedback: Interaction, source: TopicPartition, watermark: Watermark, now_s: float
    ) -> LabelledItem | Attribution:
        """The shown item that `feedback` labels, with its label.

        Args:
            source: of the feedback.
            watermark: with the feedback itself observed.
        """
        request_id, item_id = feedback.request_id, feedback.item_id
        if request_id is None:
            return Attribution.UNATTRIBUTED
        label = label_of(feedback.kind, feedback.value)
        window = self.open_windows.get(request_id)
        if window is None:
            if label is not None:
                self._note_early(request_id, feedback, now_s)
            return Attribution.UNATTRIBUTED
        impression = window.impression()
        shown = next((item for item in impression.items if item.item_id == item_id), None)
        is_theirs = shown is not None and impression.user_id == feedback.user_id
        if shown is None or not is_theirs or self._is_over_for(window, source, watermark):
            return Attribution.UNATTRIBUTED
        if label is None or item_id in self.attributed.get(request_id, ()):
            return Attribution.ALREADY_LABELLED
        self._note(request_id, item_id)
        return LabelledItem(impression, shown, label, WEIGHTS[feedback.kind])

    def close(self, watermark: Watermark) -> Iterator[Closed]:
        """The lists whose window is over."""
        evicted, self._evicted = self._evicted, []
        yield from evicted
        passed_s, clock_s = watermark.value(), watermark.clock_s
        for requests in self.order.values():
            while requests:
                reason = self._over(self.open_windows[requests[0]], passed_s, clock_s)
                if reason is None:
                    break
                yield self._close(requests.popleft(), reason)
        self._drop_early(passed_s, clock_s)

    def has_over(self, watermark: Watermark) -> bool:
        """Return whether `close` would close anything."""
        passed_s, clock_s = watermark.value(), watermark.clock_s
        heads = (self.open_windows[requests[0]] for requests in self.order.values() if requests)
        return any(self._over(window, passed_s, clock_s) for window in heads)

    def forget_user(self, user_id: str) -> None:
        """Drop a user's lists without examples, and their feedback that no list has."""
        name = user_id.encode()
        for request_id, window in list(self.open_windows.items()):
            may_name = name in window.message or b"\\" in window.message
            if may_name and window.impression().user_id == user_id:
                self.order[window.partition].remove(request_id)
                self._close(request_id, "memory")
        self._evicted = [c for c in self._evicted if not _is_of(c, user_id)]
        for request_id in list(self.early):
            keys = self.attributed[request_id]
            if any(key.startswith(_early_key(user_id, "")) for key in keys):
                self._forget(request_id)

    def restore(
        self, open_windows: dict[str, OpenWindow], attributed: dict[str, list[str]], now_s: float
    ) -> None:
        """Load from the store."""
        self.open_windows, self.order, self.size_bytes = {}, {}, 0
        for request_id, kept in sorted(open_windows.items(), key=lambda entry: entry[1].offset):
            self._enqueue(request_id, kept)
        self.attributed = attributed
        self.size_bytes += sum(
            map(_feedback_bytes, (i for items in attributed.values() for i in items))
        )
        self.early = {
            request: (now_s, now_s) for request in attributed if request not in open_windows
        }

    def detached(self) -> dict[str, OpenWindow]:
        """Take the positions of all open lists away: the log that they are of is gone.

        Feedback joins them as before. Their negatives come at an offset that counts as seen, so
        that it is not taken for one of the log that begins now.
        """
        kept = self.open_windows
        self.open_windows = {id_: msgspec.structs.replace(w, offset=-1) for id_, w in kept.items()}
        return self.open_windows

    def take_changes(self) -> tuple[set[str], set[str], set[str]]:
        """Request ids (opened, touched, closed) since this was last asked."""
        opened = {request for request in self.opened if request in self.open_windows}
        touched = {request for request in self.touched if request in self.attributed}
        closed = {r for r in self.closed if r not in self.open_windows and r not in self.attributed}
        self.opened, self.touched, self.closed = set(), set(), set()
        return opened, touched, closed

    def _enqueue(self, request_id: str, window: OpenWindow) -> None:
        self.open_windows[request_id] = window
        self.order.setdefault(window.partition, deque()).append(request_id)
        self.size_bytes += len(window.message) + LIST_BYTES

    def _over(self, window: OpenWindow, passed_s: float, clock_s: float) -> Reason | None:
        """Why a list is over, if it is."""
        if passed_s >= window.event_time + self.window_s:
            return "watermark"
        if clock_s >= window.received_at + self.window_s + self.grace_s:
            return "silence"
        return None

    def _is_over_for(
        self, window: OpenWindow, source: TopicPartition, watermark: Watermark
    ) -> bool:
        return self._over(window, watermark.of(source), watermark.clock_s) is not None

    def _close(self, request_id: str, reason: Reason) -> Closed:
        """Take out a list that is the first of its partition."""
        window = self.open_windows.pop(request_id)
        self.size_bytes -= len(window.message) + LIST_BYTES
        impression, attributed = window.impression(), self._forget(request_id)
        left = [
            LabelledItem(impression, i, 0.0)
            for i in impression.items
            if i.item_id not in attributed
        ]
        source = TopicPartition("impressions", window.partition)
        return Closed(source, window.offset, left, reason, window.event_time)

    def _make_room(self) -> None:
        while self.size_bytes > self.memory_bytes:
            if len(self.open_windows) <= 1:
                return
            heads = [requests for requests in self.order.values() if requests]
            oldest = min(heads, key=lambda requests: self.open_windows[requests[0]].event_time)
            self._evicted.append(self._close(oldest.popleft(), "memory"))

    # Feedback.

    def _note(self, request_id: str, key: str) -> None:
        self.attributed.setdefault(request_id, []).append(key)
        self.size_bytes += _feedback_bytes(key)
        self.touched.add(request_id)

    def _note_early(self, request_id: str, feedback: Interaction, now_s: float) -> None:
        keys = self.attributed.get(request_id, [])
        key = _early_key(feedback.user_id, feedback.item_id)
        if len(keys) < EARLY_FEEDBACK and key not in keys:
            self.early.setdefault(request_id, (feedback.event_time, now_s))
            self._note(request_id, key)
        while len(self.early) * FEEDBACK_BYTES > EARLY_SHARE * self.memory_bytes:
            self._forget(next(iter(self.early)))

    def _take_early(self, impression: Impression, watermark: Watermark) -> None:
        """The list that some feedback came before is there: what its user said is answered."""
        request_id = impression.request_id
        noted = self.early.get(request_id)
        if noted is None:
            return
        is_over = self._is_early_over(noted, watermark.value(), watermark.clock_s)
        keys = frozenset(self._forget(request_id))
        for item in impression.items:
            if not is_over and _early_key(impression.user_id, item.item_id) in keys:
                self._note(request_id, item.item_id)

    def _forget(self, request_id: str) -> list[str]:
        self.closed.add(request_id)
        self.early.pop(request_id, None)
        keys = self.attributed.pop(request_id, [])
        self.size_bytes -= sum(map(_feedback_bytes, keys))
        return keys

    def _is_early_over(self, noted: tuple[float, float], passed_s: float, clock_s: float) -> bool:
        event_time, noted_at = noted
        return (
            passed_s >= event_time + self.window_s
            or clock_s >= noted_at + self.window_s + self.grace_s
        )

    def _drop_early(self, passed_s: float, clock_s: float) -> None:
        while self.early:
            request_id = next(iter(self.early))
            if not self._is_early_over(self.early[request_id], passed_s, clock_s):
                return
            self._forget(request_id)


def _is_of(closed: Closed, user_id: str) -> bool:
    return any(left.impression.user_id == user_id for left in closed.left)


def _early_key(user_id: str, item_id: str) -> str:
    return f"{user_id}\0{item_id}"


def _feedback_bytes(key: str) -> int:
    return len(key) + FEEDBACK_BYTES
