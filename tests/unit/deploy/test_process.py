"""A supervised program ends when it is told to, and when whoever started it is gone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local.process import Process, ServiceError
from tests.support.eventually import eventually

ROOT = Path(__file__).parents[3]
SLEEPS = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.fixture
def sleeper(tmp_path: Path):
    process = Process("sleeper", SLEEPS, tmp_path / "log")
    process.start(lambda: "up" in process.log_tail(), timeout_s=20)
    yield process
    process.kill()


def test_it_runs_until_it_is_stopped(sleeper):
    assert sleeper.alive
    assert sleeper.returncode is None
    pid = sleeper.pid
    sleeper.stop()
    assert not sleeper.alive
    assert sleeper.returncode == 128 + signal.SIGTERM
    assert not is_running(pid)


def test_a_kill_leaves_no_time_to_clean_up(sleeper):
    sleeper.kill()
    assert sleeper.returncode == 128 + signal.SIGKILL


def test_it_can_be_started_again_after_its_end(sleeper):
    first = sleeper.pid
    sleeper.kill()
    sleeper.start()
    assert sleeper.alive
    assert sleeper.pid != first


def test_it_cannot_be_started_twice(sleeper):
    with pytest.raises(ServiceError, match="already running"):
        sleeper.start()


def test_a_program_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path):
    stubborn = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    process = Process("it", [sys.executable, "-c", stubborn], tmp_path / "log", grace_s=0.2)
    process.start(lambda: "up" in process.log_tail(), timeout_s=20)
    process.stop()
    assert process.returncode == 128 + signal.SIGKILL


def test_what_it_forked_ends_with_it(tmp_path: Path):
    forks = (
        "import subprocess, sys\nprint(subprocess.Popen(['sleep', '60']).pid, flush=True)\ninput()"
    )
    process = Process("it", [sys.executable, "-c", forks], tmp_path / "log").start()
    child = int(eventually(process.log_tail, "the pid of the fork").splitlines()[0])
    process.stop()
    eventually(lambda: not is_running(child), "the fork has ended", timeout_s=5)


def test_it_ends_when_its_starter_is_killed(tmp_path: Path):
    starter = (
        "import sys, time\nfrom pathlib import Path\nfrom deploy.local.process import Process\n"
        f"print(Process('it', {SLEEPS!r}, Path(sys.argv[1])).start().pid, flush=True)\n"
        "time.sleep(60)"
    )
    outer = subprocess.Popen(
        [sys.executable, "-c", starter, str(tmp_path / "log")], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert outer.stdout is not None
    pid = int(outer.stdout.readline())
    assert is_running(pid)
    outer.kill()
    outer.wait()
    outer.stdout.close()
    eventually(lambda: not is_running(pid), "the program has ended", timeout_s=5)


def test_one_that_ends_early_shows_the_tail_of_its_log(tmp_path: Path):
    fails = "print('\\n'.join(f'line {n}' for n in range(100))); raise SystemExit(3)"
    process = Process("it", [sys.executable, "-c", fails], tmp_path / "log")
    with pytest.raises(ServiceError, match=r"`it` ended with code 3 before it was ready") as caught:
        process.start(lambda: False, timeout_s=20)
    assert "line 99" in str(caught.value)
    assert "line 70\n" not in str(caught.value)


def test_one_that_is_not_ready_in_time_is_ended(tmp_path: Path):
    process = Process("it", SLEEPS, tmp_path / "log")
    with pytest.raises(ServiceError, match=r"was not ready within 0\.2 s"):
        process.start(lambda: False, timeout_s=0.2)
    assert not process.alive


def test_a_program_that_is_not_there_is_named(tmp_path: Path):
    process = Process("it", [str(tmp_path / "nothing")], tmp_path / "log")
    with pytest.raises(ServiceError, match=r"(?s)`it` could not be started.*nothing"):
        process.start()


def test_waiting_gives_the_exit_code(tmp_path: Path):
    quick = Process("it", [sys.executable, "-c", "raise SystemExit(5)"], tmp_path / "log").start()
    assert quick.wait(20) == 5
    slow = Process("it", SLEEPS, tmp_path / "log").start()
    with pytest.raises(ServiceError, match=r"still runs after 0\.1 s"):
        slow.wait(0.1)
    slow.kill()


def test_the_environment_is_added_to(tmp_path: Path):
    shows = "import os; print(os.environ['PLANTED'], 'PATH' in os.environ, flush=True)"
    process = Process(
        "it", [sys.executable, "-c", shows], tmp_path / "log", env={"PLANTED": "yes"}
    ).start()
    process.wait(20)
    assert process.log_tail() == "yes True"


def test_stopping_takes_no_longer_than_the_program_needs(sleeper):
    started = time.monotonic()
    sleeper.stop()
    assert time.monotonic() - started < 5
