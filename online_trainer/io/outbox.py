"""Outbox of the trainer: announcements and dead letters, kept until the broker has them."""

import logging
from collections import deque

from kafka.errors import KafkaError, MessageSizeTooLargeError

from millstream.dead_letters import DeadLetter
from millstream.errors import LogUnavailable
from millstream.snapshots import Announcement
from millstream.topics import DEAD_LETTERS, EXAMPLES, SNAPSHOTS, Topic
from online_trainer.io.log import MessageSender

log = logging.getLogger(__name__)

_MOST_WAITING = 1_000
_MOST_WAITING_BYTES = 32 << 20
_MOST_REASON = 1_000  # characters


class Outbox:
    """Messages wait here, in order, until the broker has taken them.

    `flush` may block and belongs in a thread of its own. When the broker is gone for long, the
    oldest messages are given up: a newer announcement says more, and a dead letter is on the log.

    Args:
        sender: brings them there.
    """

    def __init__(self, sender: MessageSender) -> None:
        self._sender = sender
        self._waiting: deque[tuple[Topic, bytes, bytes]] = deque(maxlen=_MOST_WAITING)

    def announce(self, announcement: Announcement) -> None:
        """Tell of a snapshot."""
        key = str(announcement.version).encode()
        self._wait(SNAPSHOTS, key, announcement.encode())

    def refuse(self, offset: int, message: bytes, reason: str, now_s: float) -> None:
        """Send a message of the input to the dead letters."""
        reason = reason[:_MOST_REASON]
        log.warning("Message %d of the input was refused: %s", offset, reason)
        letter = DeadLetter(
            reason=reason,
            path="$",
            topic=EXAMPLES.name,
            partition=0,
            offset=offset,
            key=None,
            original=message,
            failed_at=now_s,
        )
        self._wait(DEAD_LETTERS, EXAMPLES.name.encode(), letter.encode())

    def flush(self) -> None:
        """Send what waits; what cannot be sent now stays for the next time."""
        while self._waiting:
            message = self._waiting.popleft()
            try:
                self._sender.send(*message)
            except MessageSizeTooLargeError as error:  # it never will be taken
                log.error("A message to %s is given up: %s", message[0].name, error)
            except (KafkaError, LogUnavailable) as error:
                self._waiting.appendleft(message)
                log.warning("%d messages wait for the broker: %s", len(self._waiting), error)
                return

    def close(self) -> None:
        """Send what waits, if the broker is there, and let the connection go."""
        self.flush()
        self._sender.close()

    def _wait(self, topic: Topic, key: bytes, value: bytes) -> None:
        self._waiting.append((topic, key, value))
        while sum(len(value) for *_, value in self._waiting) > _MOST_WAITING_BYTES:
            self._waiting.popleft()
