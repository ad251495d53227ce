"""MovieLens-100K for evaluation: 4 and 5 stars are positive; who, what, and what is known of both.

The history of a rating is the films that the user rated before it, newest first, whatever they
thought of them: no label gets in, so it is honest in any split.
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from millstream.datasets import ml_100k
from millstream.datasets.ml_100k_sources import GENRES
from models.evaluation.dataset import Dataset
from models.fields import Field

LIKED_FROM = 4
GENRES_AT_MOST = 6
HISTORY = 20


_HISTORY_FIELDS = (
    Field(
        "recent",
        length=HISTORY,
        belongs_to="user",
        shared_with="item_id",
        times="recent_times",
    ),
    Field("recent_times", "float", width=HISTORY, belongs_to="user"),
)


def load(history: bool = False) -> Dataset:
    """The dataset, fetched once.

    Args:
        history: also give the films rated before, `recent`.

    Raises:
        DatasetError: no source could be reached.
    """
    tables = ml_100k.load().tables
    films = {film.item_id: film for film in tables.films}
    people = {person.user_id: person for person in tables.people}
    users, items, stars, times = (
        np.array([getattr(rating, name) for rating in tables.ratings])
        for name in ("user_id", "item_id", "stars", "timestamp")
    )
    occupations = _numbers(person.occupation for person in tables.people)
    genders = _numbers(person.gender for person in tables.people)
    genres = _numbers(GENRES)
    columns = {
        "user_id": users,
        "gender": np.array([genders[people[user].gender] for user in users]),
        "occupation": np.array([occupations[people[user].occupation] for user in users]),
        "age": np.array([people[user].age for user in users], np.float32),
        "item_id": items,
        "release_year": np.array([films[item].release_year for item in items]),
        "genres": np.array([_padded(films[i].genres, genres, GENRES_AT_MOST) for i in items]),
    }
    fields: tuple[Field, ...] = (
        Field("user_id", belongs_to="user"),
        Field("gender", belongs_to="user"),
        Field("occupation", belongs_to="user"),
        Field("age", "float", belongs_to="user", normalise="standard"),
        Field("item_id", belongs_to="item"),
        Field("release_year", belongs_to="item"),
        Field("genres", length=GENRES_AT_MOST, belongs_to="item"),
    )
    if history:
        columns["recent"], rows = rated_before(users, items, HISTORY)
        # Seconds from the first rating on, above 0: float32 holds them to a second or two.
        since = (times - times.min() + 1).astype(np.float32)
        columns["recent_times"] = np.where(rows >= 0, since[rows], 0.0)
        fields = (*fields, *_HISTORY_FIELDS)
    return Dataset(
        "ml-100k+history" if history else "ml-100k",
        fields,
        columns,
        (stars >= LIKED_FROM).astype(np.float32),
        times,
        users,
    )


def rated_before(
    users: np.ndarray, items: np.ndarray, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Items that the user of each row rated in the newest `length` earlier rows, (n, length).

    Returns:
        The items, 0 where there are no more, and the numbers of their rows, -1 there.
    """
    seen: dict[int, list[int]] = defaultdict(list)
    rows = np.full((len(users), length), -1)
    for row, user in enumerate(users.tolist()):
        newest = seen[user][: -length - 1 : -1]
        rows[row, : len(newest)] = newest
        seen[user].append(row)
    return np.where(rows >= 0, items[rows], 0), rows


def _numbers(values: Iterable[str]) -> dict[str, int]:
    return {value: n for n, value in enumerate(sorted(set(values)), 1)}


def _padded(values: tuple[str, ...], numbers: dict[str, int], length: int) -> list[int]:
    found = [numbers[value] for value in values][:length]
    return found + [0] * (length - len(found))
