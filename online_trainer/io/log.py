"""The log as the trainer uses it: examples come in, announcements and dead letters go out."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from millstream.log_identity import TopicLog
from millstream.topics import Topic


class ConsumedMessage(NamedTuple):
    """One message of the topic; `value` is empty where it has none."""

    offset: int
    value: bytes


class Examples(Protocol):
    """Messages of topic `examples`, from a position on."""

    def poll(self, wait_s: float) -> Iterator[ConsumedMessage]:
        """The next ones, in order; none if none came within `wait_s` seconds."""
        ...

    def announced(self) -> int:
        """The highest version among the newest announcements; 0 if there is none.

        To be called before the first `poll`.

        Raises:
            LogUnavailable: the log went away.
        """
        ...

    @property
    def lag(self) -> int:
        """Messages of the log that were not polled yet, as far as is known."""
        ...

    def close(self) -> None:
        """Let the connection go."""
        ...


class MessageSender(Protocol):
    """Sender of single messages."""

    def send(self, topic: Topic, key: bytes, value: bytes) -> None:
        """Return when the log has the message.

        Raises:
            KafkaError, LogUnavailable: it does not take it now.
            MessageSizeTooLargeError: it never will.
        """
        ...

    def close(self) -> None:
        """Let the connection go."""
        ...


class TrainerLog(Protocol):
    """Opener of both."""

    def prepare(self) -> TopicLog:
        """Create what topics are missing; topic `examples` as it is now.

        Raises:
            LogUnavailable: the log is not there.
        """
        ...

    def examples(self, offset: int) -> Examples:
        """The messages from `offset` on; where they are no longer there, from the oldest on.

        Raises:
            LogUnavailable: the log is not there.
        """
        ...

    def sender(self) -> MessageSender:
        """A sender, which may connect later."""
        ...
