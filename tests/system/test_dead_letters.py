"""`millstream dead-letters` on a real broker: list, show, replay."""

import json
from functools import partial

import msgspec
import pytest

from millstream.codec import encode
from millstream.dead_letters import DeadLetter
from millstream.events import Interaction
from millstream.topics import DEAD_LETTERS, INTERACTIONS
from tests.support.topics import publish, read

GOOD = encode(Interaction(event_id="e", event_time=5.0, user_id="u", item_id="i", kind="click"))
BAD = b'{"type": "interaction", "user_id": [markup]'


def letter(offset: int, original: bytes | None, reason: str) -> bytes:
    return DeadLetter(
        reason=reason,
        path="$.value[0]",
        topic=INTERACTIONS.name,
        partition=0,
        offset=offset,
        key=b"u",
        original=original,
        failed_at=1_700_000_000.0,
    ).encode()


@pytest.fixture
def run(installation):
    settings = installation.settings
    kafka, name = settings.kafka_bootstrap_servers, settings.topic(DEAD_LETTERS)
    # The third letter's original did not fit into it, and is no longer in its topic.
    letters = [letter(0, GOOD, "a rule that has gone"), letter(1, BAD, "no JSON"),
               letter(9, None, "too large")]  # fmt: skip
    publish(kafka, name, [(None, each) for each in letters])

    return partial(installation.command, "dead-letters")


def test_letters_are_listed_shown_and_sent_again(run, installation):
    listed = run("list").stdout
    assert "3 letters: 3 interactions $.value[0]" in listed
    assert listed.index("too large") < listed.index("no JSON") < listed.index("has gone")
    (line,) = run("list", "--reason", "NO JSON", "--json").stdout.splitlines()
    assert json.loads(line)["number"] == 1

    shown = run("show", "1").stdout
    assert "no JSON" in shown and BAD.decode() in shown and "2023-11-14 22:13:20 UTC" in shown
    assert run("show", "0", "--raw").stdout == f"{GOOD.decode()}\n"
    missing = run("show", "7")
    assert (missing.returncode, missing.stderr) == (
        1, "millstream: Expected the number of a dead letter. Received: 7.\n",
    )  # fmt: skip

    dry = run("replay")
    assert dry.stdout == (
        "1 valid now, 1 still invalid, 1 without an original: "
        "1 would be sent; nothing was, --yes sends them.\n"
    )
    assert "1: still invalid: " in dry.stderr and "2: lost: " in dry.stderr
    assert "1 sent." in run("replay", "0", "--yes").stdout
    settings = installation.settings
    (message,) = read(
        settings.kafka_bootstrap_servers, settings.topic(INTERACTIONS), 1, quiet_s=0.5
    )
    assert (message.key, message.value) == (b"u", GOOD)
    assert msgspec.json.decode(message.value)["event_id"] == "e"
