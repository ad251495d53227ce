"""Lists that wait for feedback, and what comes of them."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal, NamedTuple

import msgspec

from millstream.codec import decode, record_defaults
from millstream.errors import InvalidEvent
from millstream.events import Impression, ShownItem
from stream.ingest.records import TopicPartition
from stream.state.stages import Stage

Reason = Literal["watermark", "silence", "memory"]
REASONS: tuple[Reason, ...] = ("watermark", "silence", "memory")


class OpenWindow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A list that was shown and whose window is open.

    Args:
        event_time: when it was shown, Unix seconds.
        received_at: when the stream got it, by the clock.
        message: the impression as it came.
        closed_s: windows that are no longer than this are closed.
    """

    partition: int
    offset: int
    event_time: float
    received_at: float
    message: bytes
    closed_s: float = 0.0

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
    """An item of a list, and the label that its feedback gave, with its weight in the loss.

    Args:
        task: place of the task that the label is for.
        is_correction: whether the item was taken for a negative of it before.
    """

    impression: Impression
    item: ShownItem
    label: float
    weight: float = 1.0
    task: int = 0
    is_correction: bool = False


class Closed(NamedTuple):
    """A list for which the window of some tasks is over.

    Args:
        source, offset: of the list.
        left: the items without feedback, task by task.
        reason: why it is closed.
        event_time: when it was shown, Unix seconds.
        stage: the tasks.
        is_last: whether the list is let go.
    """

    source: TopicPartition
    offset: int
    left: list[LabelledItem]
    reason: Reason
    event_time: float
    stage: Stage
    is_last: bool


class Attribution(Enum):
    """Attribution of feedback that makes no example of a list."""

    UNATTRIBUTED = auto()  # no open list of its user has the item: it stands for itself
    ALREADY_LABELLED = auto()  # the item has its labels already, or this feedback has none
