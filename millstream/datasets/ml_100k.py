"""MovieLens-100K as a stream of events: 100,000 ratings of 1,682 films by 943 people, 1997 to 1998.

Reference: Harper and Konstan, 2015, The MovieLens Datasets, https://doi.org/10.1145/2827872.
Its licence forbids redistribution, so it is fetched, never shipped.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from millstream.datasets import download
from millstream.datasets.cache import cached_folder
from millstream.datasets.ml_100k_sources import GENRES, Tables, read_grouplens, read_recbole
from millstream.errors import DatasetError
from millstream.events import Interaction, ItemUpsert, UserUpsert

NAME = "ml-100k"
GROUPLENS_URL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
GROUPLENS_TIMEOUT_S = 8.0
RECBOLE = "recbole==1.2.1"
ROWS = (100_000, 1_682, 943)
SHA256 = "c8948a023d2bc63b33807f0a514fb0c8bd4b6c7a175c4e8aa646e92b54be38ef"

# What is going on, and how far it is: a line, bytes so far, bytes in all.
Report = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class MovieLens:
    """The dataset, ready to be streamed."""

    tables: Tables

    @property
    def started_at(self) -> float:
        """The time of the first rating, Unix seconds."""
        return float(self.tables.ratings[0].timestamp)

    def interactions(self) -> Iterator[Interaction]:
        """The ratings in time order; 4 and 5 stars are what people liked."""
        for rating in self.tables.ratings:
            yield Interaction(
                event_id=f"{NAME}:{rating.user_id}:{rating.item_id}",
                event_time=float(rating.timestamp),
                user_id=str(rating.user_id),
                item_id=str(rating.item_id),
                kind="rating",
                value=float(rating.stars),
            )

    def items(self) -> Iterator[ItemUpsert]:
        """The films, as known when the ratings begin."""
        for film in self.tables.films:
            yield ItemUpsert(
                event_id=f"{NAME}:item:{film.item_id}",
                event_time=self.started_at,
                item_id=str(film.item_id),
                title=film.title or None,
                categories=[genre for genre in film.genres if genre != GENRES[0]],
                attributes={"release_year": float(film.release_year)} if film.release_year else {},
            )

    def users(self) -> Iterator[UserUpsert]:
        """The people, as known when the ratings begin."""
        for person in self.tables.people:
            yield UserUpsert(
                event_id=f"{NAME}:user:{person.user_id}",
                event_time=self.started_at,
                user_id=str(person.user_id),
                attributes={
                    "age": float(person.age),
                    "gender": person.gender,
                    "occupation": person.occupation,
                },
            )


def load(report: Report = lambda line, done, total: None) -> MovieLens:
    """The dataset: from the cache folder, else from GroupLens, else out of RecBole's wheel.

    Args:
        report: told what is being fetched and how far it is.

    Raises:
        DatasetError: no source could be reached, or what is there is not MovieLens-100K.
    """
    file = (
        cached_folder(NAME, lambda folder: _fetch(folder / "tables.json", report)) / "tables.json"
    )
    try:
        tables = msgspec.json.decode(file.read_bytes(), type=Tables)
    except (OSError, msgspec.MsgspecError) as error:
        raise DatasetError(f"{file} cannot be read ({error}). Remove its folder.") from error
    verify(tables, file)
    return MovieLens(tables)


def verify(tables: Tables, origin: Path | str) -> None:
    """Check the row counts and the checksum.

    Raises:
        DatasetError: it is not MovieLens-100K as published.
    """
    rows = (len(tables.ratings), len(tables.films), len(tables.people))
    if rows != ROWS:
        raise DatasetError(
            f"{NAME} must have {ROWS} ratings, films and users. Received: {rows} from {origin}."
        )
    if (found := checksum(tables)) != SHA256:
        raise DatasetError(
            f"{NAME} must have the sha256 {SHA256}. Received: {found} from {origin}."
        )


def checksum(tables: Tables) -> str:
    """SHA-256 of the tables in canonical form, the same for every source.

    Titles are left out: the sources differ in their spelling, and nothing is learnt from them.
    """
    films = [film._replace(title="") for film in tables.films]
    canonical = msgspec.json.encode((tables.ratings, films, tables.people))
    return hashlib.sha256(canonical).hexdigest()


def _fetch(file: Path, report: Report) -> None:
    """Write the tables of the first source that has them, verified."""
    failures = []
    for source in (_from_grouplens, _from_recbole):
        with tempfile.TemporaryDirectory() as folder:
            try:
                tables = source(Path(folder), report)
                verify(tables, source.__name__.removeprefix("_from_"))
            except DatasetError as error:
                failures.append(str(error))
                continue
        file.write_bytes(msgspec.json.encode(tables))
        return
    raise DatasetError(f"{NAME} could not be obtained. " + " ".join(failures))


def _from_grouplens(folder: Path, report: Report) -> Tables:
    archive = folder / "ml-100k.zip"
    line = "fetching from GroupLens"
    report(line, 0, None)
    download.download_url(
        GROUPLENS_URL, archive, GROUPLENS_TIMEOUT_S, lambda done, total: report(line, done, total)
    )
    return read_grouplens(archive)


def _from_recbole(folder: Path, report: Report) -> Tables:
    report(f"fetching from the wheel {RECBOLE}", 0, None)
    return read_recbole(download.download_wheel(RECBOLE, folder))
