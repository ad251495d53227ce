"""Dead letters as they lie in their topic: chosen, numbered, and with the messages they are of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from millstream.dead_letters import DeadLetter
from millstream.errors import InvalidEvent, MillstreamError
from millstream.settings import Settings
from millstream.topic_reading import message_at, messages
from millstream.topics import DEAD_LETTERS, TOPICS, Topic


@dataclass(frozen=True)
class Filed:
    """A letter and its number: its offset in the topic `dead-letters`."""

    number: int
    letter: DeadLetter


def filed(settings: Settings, since_s: float | None = None) -> Iterator[Filed]:
    """The letters of the topic, oldest first.

    Args:
        since_s: Unix seconds; None is all that retention has left.

    Raises:
        LogUnavailable: no broker answers.
    """
    for message in messages(settings, DEAD_LETTERS, since_s):
        if message.value is not None:
            yield Filed(message.offset, letter_of(message.value))


def chosen(
    letters: Iterable[Filed],
    topic: str | None = None,
    since_s: float | None = None,
    reason: str | None = None,
) -> Iterator[Filed]:
    """The letters of a topic, since a time, whose reason or path contains a text.

    Args:
        topic: that the message was read from, without the installation's prefix.
        since_s: Unix seconds.
        reason: in any case of letters.
    """
    wanted = (reason or "").casefold()
    for each in letters:
        letter = each.letter
        is_wanted = topic in (None, letter.topic) and letter.failed_at >= (since_s or 0.0)
        if is_wanted and wanted in f"{letter.reason} {letter.path}".casefold():
            yield each


def numbered(settings: Settings, numbers: Iterable[int]) -> list[Filed]:
    """The letters of these numbers, in their order.

    Raises:
        MillstreamError: one is not there.
    """
    found = []
    for number in numbers:
        message = message_at(settings, DEAD_LETTERS, 0, number)
        if message is None or message.value is None:
            raise MillstreamError(f"Expected the number of a dead letter. Received: {number}.")
        found.append(Filed(number, letter_of(message.value)))
    return found


def letter_of(value: bytes) -> DeadLetter:
    """A dead letter from its JSON.

    Raises:
        InvalidEvent: it is none.
    """
    try:
        return msgspec.json.decode(value, type=DeadLetter)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidEvent(f"Expected a dead letter. Received: {error}") from error


def original_of(settings: Settings, letter: DeadLetter) -> tuple[bytes | None, bytes | None]:
    """Key and value: of the letter, or read from the topic where they did not fit into it.

    Raises:
        LogUnavailable: no broker answers.
    """
    if letter.original is not None:
        return letter.key, letter.original
    found = message_at(settings, source_of(letter.topic), letter.partition, letter.offset)
    return (found.key, found.value) if found is not None else (letter.key, None)


def source_of(name: str) -> Topic:
    """The topic of a name without the installation's prefix."""
    return next(topic for topic in TOPICS if topic.name == name)
