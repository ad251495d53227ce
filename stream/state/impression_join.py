"""Impression join: feedback is attributed to the list in which the item was shown.

An impression waits by its request id for `window_s` of event time, or as long as each task says.
Feedback of the same user with that id gives a labelled example at once, so that it is learnt within
seconds; when the window of a task closes, the items without feedback become its negatives (numbers
have none). Each shown item makes exactly one example a task: the first feedback that has a label
for it decides. A task may be corrected for longer: a positive that comes when an item was already
taken for a negative makes one example more. A list is let go when all of that is over. Feedback
that some of its tasks are over for teaches the others; `late` counts it.

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

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from features import labels
from features.labels import LabelTask, weight_of
from millstream.events import Impression, Interaction
from stream.ingest.records import EventRecord, TopicPartition
from stream.state.open_windows import Attribution, Closed, LabelledItem, OpenWindow, Reason
from stream.state.stages import Stage, stages_of
from stream.state.watermark import Watermark

# What a list takes beside its message, and feedback beside its item's id: bytes, about.
LIST_BYTES, FEEDBACK_BYTES = 800, 250
# The share of the memory that feedback without a list may take.
EARLY_SHARE = 0.25
# Begins no key of feedback: users have names.
_PARTITION = "\0"
# What is remembered for one list at the most.
EARLY_FEEDBACK = 500


class EarlyFeedback(NamedTuple):
    """The first feedback on a list that has not come.

    Args:
        event_time: Unix seconds.
        noted_at: by the clock.
        partition: that it came in; below 0 is not known.
    """

    event_time: float
    noted_at: float
    partition: int


@dataclass
class ImpressionJoin:
    """The open windows.

    Args:
        window_s: how long feedback is waited for by tasks that do not say.
        grace_s: how much longer by the clock.
        memory_bytes: what the lists and the feedback may take, about.
        open_windows: lists by request id.
        order: request ids by partition and by the place of the stage that they wait for, in the
            order of their offsets.
        attributed: items with feedback by request id, of waiting lists, and the task where tasks
            are declared (`_answer_key`); of such as may come, with their users (`_early_key`).
        early: the first feedback that had no list, by request.
        size_bytes: what the lists and the feedback take, about.
        late: feedback on a list after the window of a task, by the task's name.
        opened, touched, closed: request ids changed since the last `take_changes`.
    """

    window_s: float
    grace_s: float
    memory_bytes: int = 512 << 20
    open_windows: dict[str, OpenWindow] = field(default_factory=dict)
    order: dict[tuple[int, int], deque[str]] = field(default_factory=dict)
    attributed: dict[str, list[str]] = field(default_factory=dict)
    early: dict[str, EarlyFeedback] = field(default_factory=dict)
    size_bytes: int = 0
    late: Counter[str] = field(default_factory=Counter)
    opened: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    _evicted: list[Closed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tasks = labels.TASKS
        self.stages = stages_of(self._tasks, self.window_s)

    @property
    def longest_s(self) -> float:
        """How long a list is kept."""
        return self.stages[-1].window_s

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
    ) -> list[LabelledItem] | Attribution:
        """The shown item that `feedback` labels, once for each task that it has a label for.

        Args:
            source: of the feedback.
            watermark: with the feedback itself observed.
        """
        request_id, item_id = feedback.request_id, feedback.item_id
        if request_id is None:
            return Attribution.UNATTRIBUTED
        found = [
            (n, label)
            for n, label in enumerate(labels.task_labels(feedback.kind, feedback.value))
            if label == label  # it is no NaN
        ]
        window = self.open_windows.get(request_id)
        if window is None:
            noted = EarlyFeedback(feedback.event_time, now_s, source.partition)
            self._note_early(request_id, feedback, [n for n, _ in found], noted)
            return Attribution.UNATTRIBUTED
        impression = window.impression()
        shown = next((item for item in impression.items if item.item_id == item_id), None)
        is_theirs = shown is not None and impression.user_id == feedback.user_id
        if shown is None or not is_theirs:
            return Attribution.UNATTRIBUTED
        passed = self._passed(window, source, watermark)
        over = {task for stage in passed for task in stage.over}
        self.late.update(self._tasks[n].name for n, _ in found if n in over)
        if over.issuperset([n for n, _ in found] or range(len(self._tasks))):
            return Attribution.UNATTRIBUTED
        # What was taken for a negative is not taken for one again.
        taken = {n for each in passed for n in each.tasks}
        over |= {n for n, label in found if not label and n in taken}
        new = self._unanswered(request_id, item_id, [each for each in found if each[0] not in over])
        weight = weight_of(feedback.kind, feedback.value)
        made = [LabelledItem(impression, shown, label, weight, n, n in taken) for n, label in new]
        return made or Attribution.ALREADY_LABELLED

    def _unanswered(
        self, request_id: str, item_id: str, found: list[tuple[int, float]]
    ) -> list[tuple[int, float]]:
        """Labels of an item that no feedback has given before; they are noted as given."""
        answered = self.attributed.get(request_id, [])
        new = [e for e in found if _answer_key(item_id, self._tasks[e[0]]) not in answered]
        for n, _ in new:
            self._note(request_id, _answer_key(item_id, self._tasks[n]))
        return new

    def close(self, watermark: Watermark) -> Iterator[Closed]:
        """The lists for which windows are over; of each stage in the order of their offsets."""
        evicted, self._evicted = self._evicted, []
        yield from evicted
        passed_s, clock_s = watermark.value(), watermark.clock_s
        for (_, stage), requests in sorted(self.order.items(), key=lambda entry: entry[0][1]):
            window_s = self.stages[stage].window_s
            while requests:
                reason = self._over(self.open_windows[requests[0]], window_s, passed_s, clock_s)
                if reason is None:
                    break
                yield self._close(requests.popleft(), stage, reason)
        self._drop_early(passed_s, clock_s)

    def has_over(self, watermark: Watermark) -> bool:
        """Return whether `close` would close anything."""
        passed_s, clock_s = watermark.value(), watermark.clock_s
        return any(
            self._over(
                self.open_windows[requests[0]], self.stages[stage].window_s, passed_s, clock_s
            )
            for (_, stage), requests in self.order.items()
            if requests
        )

    def forget_user(self, user_id: str) -> None:
        """Drop a user's lists without examples, and their feedback that no list has."""
        name = user_id.encode()
        for request_id, window in list(self.open_windows.items()):
            may_name = name in window.message or b"\\" in window.message
            if may_name and window.impression().user_id == user_id:
                for stage in self._open_stages(window):
                    self.order[window.partition, stage].remove(request_id)
                    self._close(request_id, stage, "memory")
        self._evicted = [c for c in self._evicted if not _is_of(c, user_id)]
        for request_id in list(self.early):
            keys = self.attributed[request_id]
            if any(key.startswith(_early_key(user_id, "")) for key in keys):
                self._forget(request_id)

    def restore(
        self, open_windows: dict[str, OpenWindow], attributed: dict[str, list[str]], now_s: float
    ) -> None:
        """Load from the store; `attributed` as `stored` gives it."""
        self.open_windows, self.order, self.size_bytes = {}, {}, 0
        for request_id, kept in sorted(open_windows.items(), key=lambda entry: entry[1].offset):
            self._enqueue(request_id, kept)
        self.attributed = {
            request: [key for key in keys if not key.startswith(_PARTITION)]
            for request, keys in attributed.items()
        }
        keys = (key for keys in self.attributed.values() for key in keys)
        self.size_bytes += sum(map(_feedback_bytes, keys))
        self.early = {
            request: EarlyFeedback(now_s, now_s, early_partition(keys))
            for request, keys in attributed.items()
            if request not in open_windows
        }

    def stored(self, request_id: str) -> list[str]:
        """The feedback of a request for the store, and the partition of one without a list."""
        keys, noted = self.attributed[request_id], self.early.get(request_id)
        return keys if noted is None else [*keys, f"{_PARTITION}{noted.partition}"]

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
        stages = self._open_stages(window)
        if not stages:  # it was kept for a window that is shorter now
            self.closed.add(request_id)
            return
        self.open_windows[request_id] = window
        for stage in stages:
            self.order.setdefault((window.partition, stage), deque()).append(request_id)
        self.size_bytes += len(window.message) + LIST_BYTES

    def _open_stages(self, window: OpenWindow) -> list[int]:
        """Places of the stages that a list still waits for."""
        return [n for n, stage in enumerate(self.stages) if stage.window_s > window.closed_s]

    def _over(
        self, window: OpenWindow, window_s: float, passed_s: float, clock_s: float
    ) -> Reason | None:
        """Why a window of a list is over, if it is."""
        if passed_s >= window.event_time + window_s:
            return "watermark"
        if clock_s >= window.received_at + window_s + self.grace_s:
            return "silence"
        return None

    def _passed(
        self, window: OpenWindow, source: TopicPartition, watermark: Watermark
    ) -> list[Stage]:
        """The stages of a list that are over, to feedback of partition `source`."""
        passed_s, clock_s = watermark.of(source), watermark.clock_s
        return [
            stage
            for stage in self.stages
            if stage.window_s <= window.closed_s
            or self._over(window, stage.window_s, passed_s, clock_s)
        ]

    def _close(self, request_id: str, stage: int, reason: Reason) -> Closed:
        """End the wait of a stage for a list that is the first of its partition in it."""
        window, over = self.open_windows[request_id], self.stages[stage]
        answered, is_last = self.attributed.get(request_id, ()), stage == len(self.stages) - 1
        impression = window.impression()
        left = [
            LabelledItem(impression, item, label, task=n)
            for n in over.tasks
            if (label := self._tasks[n].unanswered) is not None
            for item in impression.items
            if _answer_key(item.item_id, self._tasks[n]) not in answered
        ]
        if is_last:
            del self.open_windows[request_id]
            self.size_bytes -= len(window.message) + LIST_BYTES
            self._forget(request_id)
        else:
            ended = msgspec.structs.replace(window, closed_s=over.window_s)
            self.open_windows[request_id] = ended
            self.opened.add(request_id)
        source = TopicPartition("impressions", window.partition)
        return Closed(source, window.offset, left, reason, window.event_time, over, is_last)

    def _make_room(self) -> None:
        last = len(self.stages) - 1
        while self.size_bytes > self.memory_bytes:
            if len(self.open_windows) <= 1:
                return
            heads = [
                requests[0]
                for (_, stage), requests in self.order.items()
                if stage == last and requests
            ]
            oldest = min(heads, key=lambda request: self.open_windows[request].event_time)
            window = self.open_windows[oldest]
            for stage in self._open_stages(window):
                # The first of its partition in every stage: those before it are gone.
                self.order[window.partition, stage].popleft()
                self._evicted.append(self._close(oldest, stage, "memory"))

    # Feedback.

    def _note(self, request_id: str, key: str) -> None:
        self.attributed.setdefault(request_id, []).append(key)
        self.size_bytes += _feedback_bytes(key)
        self.touched.add(request_id)

    def _note_early(
        self, request_id: str, feedback: Interaction, tasks: list[int], noted: EarlyFeedback
    ) -> None:
        for n in tasks:
            keys = self.attributed.get(request_id, [])
            key = _early_key(feedback.user_id, _answer_key(feedback.item_id, self._tasks[n]))
            if len(keys) < EARLY_FEEDBACK and key not in keys:
                self.early.setdefault(request_id, noted)
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
        if is_over:
            return
        for item in impression.items:
            for task in self._tasks:
                key = _answer_key(item.item_id, task)
                if _early_key(impression.user_id, key) in keys:
                    self._note(request_id, key)

    def _forget(self, request_id: str) -> list[str]:
        self.closed.add(request_id)
        self.early.pop(request_id, None)
        keys = self.attributed.pop(request_id, [])
        self.size_bytes -= sum(map(_feedback_bytes, keys))
        return keys

    def _is_early_over(self, noted: EarlyFeedback, passed_s: float, clock_s: float) -> bool:
        return (
            passed_s >= noted.event_time + self.longest_s
            or clock_s >= noted.noted_at + self.longest_s + self.grace_s
        )

    def _drop_early(self, passed_s: float, clock_s: float) -> None:
        while self.early:
            request_id = next(iter(self.early))
            if not self._is_early_over(self.early[request_id], passed_s, clock_s):
                return
            self._forget(request_id)


def early_partition(stored: list[str]) -> int:
    """The partition of feedback without a list, below 0 where it is not known."""
    last = stored[-1] if stored else ""
    return int(last.removeprefix(_PARTITION)) if last.startswith(_PARTITION) else -1


def _is_of(closed: Closed, user_id: str) -> bool:
    return any(left.impression.user_id == user_id for left in closed.left)


def _answer_key(item_id: str, task: LabelTask) -> str:
    return item_id if task.declared is None else f"{item_id}\0{task.name}"


def _early_key(user_id: str, answer: str) -> str:
    return f"{user_id}\0{answer}"


def _feedback_bytes(key: str) -> int:
    return len(key) + FEEDBACK_BYTES
