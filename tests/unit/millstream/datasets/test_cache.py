"""The cache folder: where it is, and that what it holds is whole."""

from pathlib import Path

import pytest

from millstream.datasets.cache import cache_dir, cached_folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILLSTREAM_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_the_cache_is_where_the_environment_says(monkeypatch):
    monkeypatch.setenv("MILLSTREAM_CACHE_DIR", "/one")
    assert cache_dir() == Path("/one")
    monkeypatch.delenv("MILLSTREAM_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/two")
    assert cache_dir() == Path("/two/millstream")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == Path.home() / ".cache/millstream"


def test_a_folder_is_filled_once(cache):
    calls = []

    def fill(folder: Path) -> None:
        calls.append(folder)
        (folder / "file").write_text("text")

    assert cached_folder("name", fill) == cached_folder("name", fill) == cache / "name"
    assert (cache / "name" / "file").read_text() == "text"
    assert len(calls) == 1


def test_a_failed_fill_leaves_nothing(cache):
    def fill(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        cached_folder("name", fill)
    assert list(cache.iterdir()) == []


def test_the_first_of_two_processes_wins(cache):
    def fill(folder: Path) -> None:
        (folder / "file").write_text("mine")
        (cache / "name").mkdir()
        (cache / "name" / "file").write_text("theirs")

    assert (cached_folder("name", fill) / "file").read_text() == "theirs"
