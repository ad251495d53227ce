"""The parent of several workers, with workers that do nothing but live and die."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.eventually import eventually

# A parent of two workers in a process of its own: `up` and `ready` are files of the folder.
PROGRAM = """
import os, sys, signal, time
from pathlib import Path
from serving.workers.parent import Parent
folder, does = Path(sys.argv[1]), sys.argv[2]

def serve(number):
    if does == "fails":
        sys.exit(3)
    (folder / f"{number}.{os.getpid()}").touch()
    if does == "hangs":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / f"up-{number}").touch()
    while True:
        time.sleep(60)

def ready(number):
    return (folder / f"up-{number}").exists()

sys.exit(Parent(2, serve, ready, ready, grace_s=0.5).run())
"""


class Family:
    def __init__(self, folder: Path, does: str) -> None:
        self.folder = folder
        command = [sys.executable, "-c", PROGRAM, str(folder), does]
        self.parent = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def begun(self, number: int) -> list[int]:
        """The processes that have been worker `number`."""
        return [int(each.suffix[1:]) for each in self.folder.glob(f"{number}.*")]

    def wait(self, *counts: int) -> None:
        def have_begun() -> bool:
            return all(len(self.begun(n)) >= count for n, count in enumerate(counts))

        eventually(have_begun, f"{counts} workers have begun", 30)
        eventually(lambda: (self.folder / "up-1").exists(), "they are up", 30)


@pytest.fixture
def family(tmp_path):
    found = []

    def start(does: str = "works") -> Family:
        found.append(Family(tmp_path, does))
        return found[0]

    yield start
    found[0].parent.kill()
    found[0].parent.communicate()
    pids = [pid for number in (0, 1) for pid in found[0].begun(number)]
    eventually(lambda: not any(map(is_alive, pids)), "all have ended", 30)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_worker_that_is_killed_is_replaced_and_the_other_goes_on(family):
    found = family()
    found.wait(1, 1)
    os.kill(found.begun(0)[0], signal.SIGKILL)
    found.wait(2, 1)
    assert len(found.begun(1)) == 1
    assert is_alive(found.begun(1)[0])


def test_told_to_end_it_ends_its_workers_first(family):
    found = family()
    found.wait(1, 1)
    found.parent.terminate()
    assert found.parent.wait(30) == 0
    assert not any(is_alive(pid) for number in (0, 1) for pid in found.begun(number))


def test_killed_it_leaves_no_worker_behind(family):
    found = family()
    found.wait(1, 1)
    found.parent.kill()
    pids = [pid for number in (0, 1) for pid in found.begun(number)]
    eventually(lambda: not any(map(is_alive, pids)), "they have ended, too", 30)


def test_one_that_does_not_end_in_time_is_killed(family):
    found = family("hangs")
    found.wait(1, 1)
    begun = time.monotonic()
    found.parent.send_signal(signal.SIGINT)
    assert found.parent.wait(30) == 0
    assert time.monotonic() - begun >= 0.5
    assert not any(is_alive(pid) for number in (0, 1) for pid in found.begun(number))


def test_on_sighup_each_is_replaced_once_the_others_are_ready(family):
    found = family()
    found.wait(1, 1)
    old = [found.begun(number)[0] for number in (0, 1)]
    (found.folder / "up-1").unlink()
    found.parent.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert all(map(is_alive, old))
    (found.folder / "up-1").touch()
    found.wait(2, 2)
    assert not any(map(is_alive, old))
    assert [len(found.begun(number)) for number in (0, 1)] == [2, 2]


def test_workers_that_cannot_begin_end_it(family):
    found = family("fails")
    assert found.parent.wait(30) == 1
    assert "status 3" in found.parent.stderr.read()
