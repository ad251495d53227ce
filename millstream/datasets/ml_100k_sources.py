"""MovieLens-100K's two sources, read into the same rows.

GroupLens gives `ml-100k.zip` (bars and tabs, Latin-1, a title with its year, a flag per genre); the
wheel of RecBole carries the same ratings, films and users as tab-separated tables with a header.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# In the order of GroupLens' flags.
GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery"),
    *("Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
GROUPLENS_FOLDER = "ml-100k"
RECBOLE_FOLDER = "recbole/dataset_example/ml-100k"
TITLE_AND_YEAR = re.compile(r"(?P<title>.*?)\s*\((?P<year>\d{4})\)(?:\s*\(V\))?\s*")


class Rating(NamedTuple):
    """Somebody gave a film 1 to 5 stars at a Unix second."""

    timestamp: int
    user_id: int
    item_id: int
    stars: int


class Film(NamedTuple):
    """A film; the year of its release is 0 where it is not known."""

    item_id: int
    title: str
    release_year: int
    genres: tuple[str, ...]


class Person(NamedTuple):
    """A user."""

    user_id: int
    age: int
    gender: str
    occupation: str


class Tables(NamedTuple):
    """The dataset, every table in a fixed order: ratings by time, the others by id."""

    ratings: list[Rating]
    films: list[Film]
    people: list[Person]


def read_grouplens(archive: Path) -> Tables:
    """The tables in GroupLens' `ml-100k.zip`."""
    with zipfile.ZipFile(archive) as file:
        ratings = _rows(file, f"{GROUPLENS_FOLDER}/u.data", "\t")
        films = _rows(file, f"{GROUPLENS_FOLDER}/u.item", "|")
        people = _rows(file, f"{GROUPLENS_FOLDER}/u.user", "|")
        return _tables(
            [_rating(row) for row in ratings],
            [_grouplens_film(row) for row in films],
            [_person(row) for row in people],
        )


def read_recbole(wheel: Path) -> Tables:
    """The tables in the wheel of RecBole."""
    with zipfile.ZipFile(wheel) as file:
        rows = {
            end: list(_rows(file, f"{RECBOLE_FOLDER}/ml-100k.{end}", "\t", "utf-8"))[1:]
            for end in ("inter", "item", "user")
        }
    return _tables(
        [_rating(row) for row in rows["inter"]],
        [_recbole_film(row) for row in rows["item"]],
        [_person(row) for row in rows["user"]],
    )


def _rows(
    archive: zipfile.ZipFile, name: str, separator: str, encoding: str = "latin-1"
) -> Iterator[list[str]]:
    for line in archive.read(name).decode(encoding).splitlines():
        if line:
            yield line.split(separator)


def _tables(ratings: list[Rating], films: list[Film], people: list[Person]) -> Tables:
    return Tables(sorted(ratings), sorted(films), sorted(people))


def _rating(row: list[str]) -> Rating:
    user, item, stars, timestamp = row[:4]
    return Rating(int(float(timestamp)), int(user), int(item), int(float(stars)))


def _person(row: list[str]) -> Person:
    user, age, gender, occupation = row[:4]
    return Person(int(user), int(age), gender, occupation)


def _grouplens_film(row: list[str]) -> Film:
    flags = row[5 : 5 + len(GENRES)]
    genres = tuple(genre for genre, flag in zip(GENRES, flags, strict=True) if flag == "1")
    return _film(row[0], row[1], genres)


def _recbole_film(row: list[str]) -> Film:
    item, title, year, genres = row
    # Where RecBole found no year at the end of the title, the title still holds what was there.
    return _film(item, f"{title} ({year})" if year.isdigit() else title, tuple(genres.split()))


def _film(item: str, title: str, genres: tuple[str, ...]) -> Film:
    genres = tuple(sorted(genres))
    match = TITLE_AND_YEAR.fullmatch(title)
    if match is None:  # film 267, which has no data at all (`unknown`, in RecBole `unkonwn`)
        return Film(int(item), "", 0, genres)
    return Film(int(item), match["title"], int(match["year"]), genres)
