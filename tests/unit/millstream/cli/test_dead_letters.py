"""Choosing dead letters, and showing what they hold. The commands run in `tests/system`."""

import time

import click
import pytest

from millstream.cli.dead_letters import Since, _text
from millstream.dead_letters import DeadLetter
from millstream.errors import InvalidEvent
from millstream.filed_letters import Filed, chosen, letter_of


def letter(number: int, **more) -> Filed:
    given = {
        "reason": "Expected a number. Received: 'x'",
        "path": "$.value",
        "topic": "interactions",
        "partition": 0,
        "offset": 100 + number,
        "key": b"u",
        "original": b"{}",
        "failed_at": 1_000.0 + number,
    }
    return Filed(number, DeadLetter(**{**given, **more}))


LETTERS = [
    letter(0),
    letter(1, topic="items"),
    letter(2, path="$.event_time"),
    letter(3, reason="Expected JSON"),
]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({}, [0, 1, 2, 3]),
        ({"topic": "items"}, [1]),
        ({"since_s": 1_002.0}, [2, 3]),
        ({"reason": "EVENT_TIME"}, [2]),
        ({"reason": "a number", "topic": "interactions"}, [0, 2]),
    ],
)
def test_letters_are_chosen_by_topic_time_and_text(options, numbers):
    assert [each.number for each in chosen(LETTERS, **options)] == numbers


def test_a_letter_that_is_read_is_the_one_that_was_written():
    assert letter_of(LETTERS[0].letter.encode()) == LETTERS[0].letter
    with pytest.raises(InvalidEvent, match="Expected a dead letter"):
        letter_of(b"{}")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "none"),
        (b'{"a":[1]}', '{\n  "a": [\n    1\n  ]\n}'),
        (b"plain", "plain"),
        (b"\xff\x00", "base64 /wA="),
    ],
)
def test_bytes_are_shown_so_that_a_person_can_read_them(content, text):
    assert _text(content) == text


def test_since_is_an_age_or_a_time():
    at = Since()
    assert at.convert("2h", None, None) == pytest.approx(time.time() - 7_200, abs=60)
    assert at.convert("1970-01-01T00:01:00Z", None, None) == 60.0
    assert at.convert("1970-01-01T00:01:00", None, None) == 60.0
    with pytest.raises(click.BadParameter, match="Expected an age"):
        at.convert("yesterday", None, None)
