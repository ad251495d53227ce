"""`millstream publish` with a real broker: files, standard input, resuming, invalid lines."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import msgspec
import pytest

from millstream.event_files import EventFile, PublishProgress, source_of
from millstream.topics import INTERACTIONS
from tests.support.installation import Installation
from tests.support.topics import read

HEADER = "user_id,item_id,kind\n"


def line(number: int) -> str:
    event = {"type": "interaction", "user_id": number % 7, "item_id": number, "kind": "click"}
    return msgspec.json.encode(event).decode() + "\n"


def a_log(count: int) -> str:
    return "".join(map(line, range(count)))


@pytest.fixture
def publish(installation: Installation):
    return partial(installation.command, "publish")


def published(installation: Installation, count: int) -> list[tuple[str, str]]:
    """(item, event id) of what is in the topic, by item."""
    settings = installation.settings
    messages = read(settings.kafka_bootstrap_servers, settings.topic(INTERACTIONS), count)
    events = [msgspec.json.decode(message.value) for message in messages]
    return sorted((event["item_id"], event["event_id"]) for event in events)


def items(installation: Installation, count: int) -> list[str]:
    return [item for item, _ in published(installation, count)]


def test_a_file_goes_to_kafka_keyed_by_user(installation, publish, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text(a_log(50))
    done = publish(str(file))
    assert done.stdout == "50 events published.\n", done.stderr
    settings = installation.settings
    messages = read(settings.kafka_bootstrap_servers, settings.topic(INTERACTIONS), 50)
    assert all(
        message.key.decode() == msgspec.json.decode(message.value)["user_id"]
        for message in messages
    )


def test_a_file_that_was_interrupted_goes_on_where_it_was(installation, publish, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text(a_log(10))
    events = EventFile(source_of(str(file)), is_csv=False)
    sixth = list(events.records())[5]
    PublishProgress.after(events.seed, sixth).save(file)
    done = publish(str(file))
    assert (done.stdout, done.stderr) == ("4 events published.\n", "Going on after line 6.\n")
    assert items(installation, 4) == ["6", "7", "8", "9"]
    assert not PublishProgress.path(file).exists()


def test_standard_input_and_csv_are_read_too(installation, publish, tmp_path: Path):
    assert publish("-", stdin=line(1)).stdout == "1 events published.\n"
    file = tmp_path / "clicks.csv"
    file.write_text(f"{HEADER}u,2,click\nu,3,view\n")
    assert publish(str(file)).stdout == "2 events published.\n"
    assert items(installation, 3) == ["1", "2", "3"]


def test_a_file_that_grew_repeats_its_ids(installation, publish, tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(f"{HEADER}ann,1,like\nann,2,like\n")
    assert publish(str(file)).stdout == "2 events published.\n"
    file.write_text(f"{file.read_text()}ann,3,like\n")
    assert publish(str(file)).stdout == "3 events published.\n"
    sent = published(installation, 5)
    assert [item for item, _ in sent] == ["1", "1", "2", "2", "3"]
    assert len(set(sent)) == 3


def test_nothing_of_a_file_with_an_invalid_line_is_published(installation, publish, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text(line(1) + '{"type": "interaction", "user_id": 1}\n' + line(3))
    stopped = publish(str(file))
    assert stopped.returncode == 1
    assert "line 2: $" in stopped.stderr
    assert len(stopped.stderr.splitlines()) == 1
    skipped = publish(str(file), "--skip-invalid")
    assert skipped.stdout == "2 events published.\n"
    assert "skipped: " in skipped.stderr and "1 records skipped." in skipped.stderr
    assert items(installation, 2) == ["1", "3"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_interrupted_repeats_nothing(installation, publish, tmp_path, number):
    file = tmp_path / "events.jsonl"
    file.write_text(a_log(300))
    running = installation.run(
        "publish", str(file), "--rate", "100", ready=PublishProgress.path(file).exists
    )
    time.sleep(0.2)
    os.kill(running.pid, number)
    assert running.wait(30) == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert "Run the same command again: it goes on after line" in running.log_tail()
    assert publish(str(file)).returncode == 0
    assert sorted(map(int, items(installation, 300))) == list(range(300))
