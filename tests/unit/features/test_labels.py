import pytest

from features.labels import label_of


@pytest.mark.parametrize("kind", ["click", "like", "cart", "purchase", "play"])
def test_what_people_choose_is_positive(kind):
    assert label_of(kind) == 1.0


@pytest.mark.parametrize("kind", ["dislike", "skip"])
def test_what_people_refuse_is_negative(kind):
    assert label_of(kind) == 0.0


def test_a_view_says_nothing():
    assert label_of("view", 30.0) is None


@pytest.mark.parametrize(("value", "label"), [(1.0, 0.0), (3.9, 0.0), (4.0, 1.0), (5.0, 1.0)])
def test_a_rating_is_positive_from_four_on(value, label):
    assert label_of("rating", value) == label
