"""The real MovieLens-100K, from wherever this machine gets it."""

from collections import Counter
from itertools import pairwise

import pytest

from millstream.datasets import ml_100k


@pytest.fixture(scope="module")
def dataset() -> ml_100k.MovieLens:
    return ml_100k.load()


def test_it_is_what_its_authors_describe(dataset):
    """Figures of the dataset's own README and of its published rating histogram."""
    stars = Counter(rating.stars for rating in dataset.tables.ratings)
    assert stars == {1: 6_110, 2: 11_370, 3: 27_145, 4: 34_174, 5: 21_201}
    per_user = Counter(rating.user_id for rating in dataset.tables.ratings)
    assert len(per_user) == 943
    assert min(per_user.values()) == 20


def test_its_events_are_in_time_order_and_all_different(dataset):
    events = list(dataset.interactions())
    assert all(a.event_time <= b.event_time for a, b in pairwise(events))
    assert len({event.event_id for event in events}) == 100_000


def test_it_has_the_films_people_remember(dataset):
    films = {item.item_id: item for item in dataset.items()}
    assert films["50"].title == "Star Wars"
    assert films["50"].attributes == {"release_year": 1977.0}
    assert {"Action", "Sci-Fi"} <= set(films["50"].categories)
