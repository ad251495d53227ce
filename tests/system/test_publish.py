"""`millstream publish` with a real broker: files, standard input, resuming, invalid lines."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from millstream.event_files import Progress
from millstream.topics import INTERACTIONS
from tests.support.installation import Installation
from tests.support.topics import read


def line(number: int) -> str:
    event = {"type": "interaction", "user_id": number % 7, "item_id": number, "kind": "click"}
    return msgspec.json.encode(event).decode() + "\n"


@pytest.fixture
def publish(installation: Installation):
    def run(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "millstream.cli", "publish", *arguments],
            env={**installation.environment, "PATH": "/usr/bin"},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def published(installation: Installation, count: int) -> list[str]:
    settings = installation.settings
    messages = read(settings.kafka_bootstrap_servers, settings.topic(INTERACTIONS), count)
    return sorted(msgspec.json.decode(message.value)["item_id"] for message in messages)


def test_a_file_goes_to_kafka_keyed_by_user(installation, publish, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text("".join(map(line, range(50))))
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
    file.write_text("".join(map(line, range(10))))
    done_bytes = len("".join(map(line, range(6))))
    Progress(Progress.load(file).fingerprint, done_bytes, 6).save(file)
    assert publish(str(file)).stdout == "4 events published.\n"
    assert published(installation, 4) == ["6", "7", "8", "9"]
    assert not Progress.path(file).exists()


def test_standard_input_and_csv_are_read_too(installation, publish, tmp_path: Path):
    assert publish("-", stdin=line(1)).stdout == "1 events published.\n"
    file = tmp_path / "clicks.csv"
    file.write_text("user_id,item_id,kind\nu,2,click\nu,3,view\n")
    assert publish(str(file)).stdout == "2 events published.\n"
    assert published(installation, 3) == ["1", "2", "3"]


def test_an_invalid_line_stops_with_its_number_or_is_skipped(installation, publish, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text(line(1) + '{"type": "interaction", "user_id": 1}\n' + line(3))
    stopped = publish(str(file))
    assert stopped.returncode == 1
    assert "line 2: $" in stopped.stderr
    skipped = publish(str(file), "--restart", "--skip-invalid")
    assert skipped.stdout == "2 events published.\n"
    assert "skipped: " in skipped.stderr
