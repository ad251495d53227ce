"""The embedded log as the trainer uses it."""

import time
from collections.abc import Iterator
from contextlib import suppress

from millstream.clock import Clock, SystemClock
from millstream.embedded.log import EmbeddedLog, NewRecord
from millstream.errors import InvalidEvent
from millstream.log_identity import TopicLog
from millstream.snapshots import Announcement
from millstream.topics import EXAMPLES, SNAPSHOTS, Topic
from online_trainer.io.log import ConsumedMessage, Examples, MessageSender

_LOOKS_EVERY_S = 0.02
_MOST_MESSAGES = 64
_LAST_ANNOUNCEMENTS = 100


class EmbeddedTrainerLog:
    """`TrainerLog` on the embedded log, which is closed by whoever opened it."""

    def __init__(self, log: EmbeddedLog, clock: Clock | None = None) -> None:
        self._log, self._clock = log, clock or SystemClock()

    def prepare(self) -> TopicLog:
        """See `TrainerLog.prepare`: the topics are there."""
        return self._log[EXAMPLES].as_of_now()

    def examples(self, offset: int) -> Examples:
        """See `TrainerLog.examples`."""
        return EmbeddedExamples(self._log, offset)

    def sender(self) -> MessageSender:
        """See `TrainerLog.sender`."""
        return EmbeddedSender(self._log, self._clock)


class EmbeddedExamples:
    """`Examples` of the embedded log, from `offset` on."""

    def __init__(self, log: EmbeddedLog, offset: int) -> None:
        self._log, self._next = log, offset
        self._seen: int | None = None  # the file's version when all of it had been read
        self._end = log[EXAMPLES].ends()[0]

    def poll(self, wait_s: float) -> Iterator[ConsumedMessage]:
        """See `Examples.poll`."""
        until = time.monotonic() + wait_s
        file = self._log[EXAMPLES]
        while (version := file.version()) == self._seen:
            if time.monotonic() >= until:
                return
            time.sleep(_LOOKS_EVERY_S)
        self._end = file.ends()[0]
        records = file.read(0, self._next, _MOST_MESSAGES)
        if len(records) < _MOST_MESSAGES:
            self._seen = version
        for record in records:
            self._next = record.offset + 1
            yield ConsumedMessage(record.offset, record.value or b"")

    def announced(self) -> int:
        """See `Examples.announced`."""
        file = self._log[SNAPSHOTS]
        begin = max(file.ends()[0] - _LAST_ANNOUNCEMENTS, 0)
        newest = 0
        for record in file.read(0, begin, _LAST_ANNOUNCEMENTS):
            with suppress(InvalidEvent):
                newest = max(newest, Announcement.decode(record.value or b"").version)
        return newest

    @property
    def lag(self) -> int:
        """See `Examples.lag`."""
        return max(self._end - self._next, 0)

    def close(self) -> None:
        """See `Examples.close`: the log is not its own."""


class EmbeddedSender:
    """`MessageSender` into the embedded log."""

    def __init__(self, log: EmbeddedLog, clock: Clock) -> None:
        self._log, self._clock = log, clock

    def send(self, topic: Topic, key: bytes, value: bytes) -> None:
        """See `MessageSender.send`."""
        self._log[topic].append([NewRecord(key, value, round(self._clock.now() * 1000))])

    def close(self) -> None:
        """See `MessageSender.close`: the log is not its own."""
