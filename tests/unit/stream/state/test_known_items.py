import numpy as np
import pytest

from features.interner import ITEMS, NOTHING
from stream.state.known_items import KnownItems, NegativesRequest, draws, negatives


def catalogue_of(*items, hidden=()):
    known_items = KnownItems()
    for item in items:
        known_items.add(item)
    for item in hidden:
        known_items.hide(item, hidden=True)
    return known_items


def test_an_item_becomes_known_once_and_in_order():
    known_items = catalogue_of("b", "a", "b")
    assert known_items.items == ["b", "a"]
    assert known_items.take_unsaved() == ["b", "a"]
    assert known_items.take_unsaved() == []


def test_what_a_store_kept_is_known_and_not_fresh():
    known_items = KnownItems()
    known_items.restore(["b", "a", "b"], ["a"])
    known_items.add("a")
    assert (known_items.items, known_items.hidden) == (["b", "a"], {"a"})
    assert known_items.take_unsaved() == []


def test_a_position_always_draws_the_same_and_different_positions_do_not():
    partitions, offsets = np.array([0, 0, 1]), np.array([5, 6, 5])
    first, second = draws(partitions, offsets, 4), draws(partitions[::-1], offsets[::-1], 4)
    assert (first == second[::-1]).all()
    assert len(np.unique(first)) == first.size


def test_draws_are_uniform():
    numbers = draws(np.zeros(20_000, int), np.arange(20_000), 5) % np.uint64(10)
    counts = np.bincount(numbers.ravel().astype(int), minlength=10)
    expected = numbers.size / 10
    assert ((counts - expected) ** 2 / expected).sum() < 27.9  # chi-square, 9 degrees, p = 0.001


def negatives_of(known_items, drawn, recent, count, own="own", added=0, born=()):
    """Negatives of one positive by name, and the chance of each draw."""
    request = NegativesRequest(
        drawn=np.array([ITEMS.numbers(drawn)], int).reshape(1, -1),
        own=np.array([ITEMS.number(own)]),
        recent=np.array([[*ITEMS.numbers(recent), NOTHING]]),
        added_before=np.array([added]),
        rank_of={ITEMS.number(item): rank for rank, item in enumerate(born)},
    )
    found = negatives(known_items, request, count)
    assert (found.oversampling == 1.0).all()
    chance = float(found.probabilities.max(initial=0.0))
    return list(ITEMS.texts(request.drawn[found.chosen].tolist())), chance


def test_neither_hidden_nor_excluded_items_are_negatives():
    known_items = catalogue_of("a", "b", "c", "d", hidden=["a"])
    chosen, _ = negatives_of(known_items, ["a", "b", "c", "d", "c"], ["b"], 2)
    assert chosen == ["c", "d"]
    assert negatives_of(known_items, ["b", "c"], [], 2, own="b")[0] == ["c"]


@pytest.mark.parametrize(
    ("excluded", "chance"), [((), 1 / 3), (("b",), 1 / 2), (("a", "b"), 1 / 2), (("z",), 1 / 3)]
)
def test_the_probability_is_that_of_one_draw_among_what_may_be_drawn(excluded, chance):
    known_items = catalogue_of("a", "b", "c", "d", hidden=["a"])
    assert negatives_of(known_items, ["d"], excluded, 1) == (["d"], pytest.approx(chance))


def test_the_item_itself_is_left_out_once_whether_the_user_met_it_or_not():
    known_items = catalogue_of("a", "b", "c")
    for recent in ((), ("a",)):
        assert negatives_of(known_items, ["b"], recent, 1, own="a")[1] == pytest.approx(1 / 2)


def test_what_became_known_on_the_way_counts_from_then_on():
    known_items = catalogue_of("a", "b")
    chances = [
        negatives_of(known_items, ["a"], ["new"], 1, "newer", added, ["new", "newer"])[1]
        for added in (0, 1, 2)
    ]
    assert chances == pytest.approx([1 / 2, 1 / 2, 1 / 2])
    assert negatives_of(known_items, ["a"], [], 1, "own", 2, ["new", "newer"])[1] == 1 / 4


def test_what_became_known_on_the_way_can_be_drawn_from_then_on():
    known_items = catalogue_of("a")
    for added, expected in ((0, []), (1, ["new"])):
        assert negatives_of(known_items, ["new"], [], 1, "own", added, ["new"])[0] == expected


def test_a_negative_that_cannot_be_found_is_given_up():
    known_items = catalogue_of("a")
    assert negatives_of(known_items, ["a", "a"], ["a"], 1)[0] == []
    assert negatives_of(KnownItems(), [], [], 1)[0] == []
