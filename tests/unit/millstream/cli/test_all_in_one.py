"""The lock of a folder, and the child process of a box."""

import asyncio

import pytest

from millstream.cli import all_in_one
from millstream.cli.all_in_one import LearnerEnded, keep_learner, locked
from millstream.errors import ConfigurationError
from millstream.settings import settings


def test_a_box_takes_less_memory_unless_the_settings_say_how_much(tmp_path, monkeypatch):
    monkeypatch.setenv("MILLSTREAM_JOIN_MEMORY_MB", "300")
    settings.cache_clear()
    found = all_in_one.box(tmp_path)
    settings.cache_clear()
    assert (found.dedupe_memory_mb, found.join_memory_mb) == (96, 300)
    assert (found.data_dir, found.limits_in) == (tmp_path, "memory")


def test_a_folder_is_one_process_s_until_it_lets_go(tmp_path):
    path = tmp_path / "box" / "serving.lock"
    refused = pytest.raises(ConfigurationError, match="Another one holds .*serving.lock")
    with locked(path, 0.0), refused, locked(path, 0.0):
        pass
    with locked(path, 0.0):
        pass


@pytest.fixture
def child(tmp_path, monkeypatch):
    """Makes a small program the child."""

    def become(program):
        (tmp_path / "small_child.py").write_text(program)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(all_in_one, "__name__", "small_child")

    return become


async def test_a_child_that_ends_by_itself_is_a_failure(child):
    child("raise SystemExit(3)")
    with pytest.raises(LearnerEnded, match="status 3"):
        await keep_learner()


async def test_a_child_is_told_to_end_by_the_end_of_its_input(child, tmp_path):
    told = tmp_path / "told"
    began = tmp_path / "began"
    child(
        f"import pathlib, sys\npathlib.Path({str(began)!r}).touch()\n"
        f"sys.stdin.read()\npathlib.Path({str(told)!r}).touch()"
    )
    task = asyncio.create_task(keep_learner())
    async with asyncio.timeout(20):
        while not began.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)
    assert not told.exists()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert told.exists()
