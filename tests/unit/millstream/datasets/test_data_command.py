"""`millstream data ml-100k` says what it has, and writes a file that `millstream publish` takes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from millstream.cli.data import data
from millstream.datasets import ml_100k
from millstream.datasets.ml_100k_sources import Film, Person, Rating, Tables

SMALL = ml_100k.MovieLens(
    Tables(
        [Rating(874724710, 1, 2, 5)], [Film(2, "GoldenEye", 1995, ())], [Person(1, 24, "M", "x")]
    )
)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ml_100k, "load", lambda report: SMALL)


def test_it_counts_what_is_there():
    result = CliRunner().invoke(data, ["ml-100k"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "1 ratings, 1 films, 1 people: verified." in result.output


def test_it_writes_catalogue_before_ratings(tmp_path: Path):
    out = tmp_path / "events.jsonl"
    result = CliRunner().invoke(data, ["ml-100k", "--out", str(out)], catch_exceptions=False)
    assert "3 events written" in result.output
    types = [json.loads(line)["type"] for line in out.read_text().splitlines()]
    assert types == ["item", "user", "interaction"]
