"""The chaos ledger finds what is planted, and nothing where nothing is."""

import pytest

from tests.bench.faults.ledger import (
    HALF_LIFE_S,
    Balance,
    Ledger,
    Sent,
    compare_counts,
    compare_examples,
)

CLICKS = {
    "a": Sent("u1", "i1", 100.0),
    "b": Sent("u1", "i2", 100.0 + HALF_LIFE_S),
    "c": Sent("u2", "i1", 300.0, request_id="r1"),
}
LISTS = {("u2", 250.0): {"i1", "i2"}}


def row(event_id: str, label: float, user: str, item: str, time_s: float, origin: str) -> dict:
    return {
        "event_id": event_id,
        "label": label,
        "user_id": user,
        "item_id": item,
        "event_time": time_s,
        "origin": origin,
    }


ROWS = [
    row("a", 1.0, "u1", "i1", 100.0, "organic"),
    row("a", 0.0, "u1", "i9", 100.0, "sampled"),
    row("b", 1.0, "u1", "i2", 100.0 + HALF_LIFE_S, "organic"),
    row("c", 1.0, "u2", "i1", 250.0, "impression"),
    row("list", 0.0, "u2", "i2", 250.0, "impression"),
]


def ledger() -> Ledger:
    found = Ledger()
    for event_id, click in CLICKS.items():
        found.add(event_id, click)
    return found


def examined(rows: list[dict]) -> Balance:
    balance = Balance()
    compare_examples(balance, CLICKS, rows, LISTS)
    return balance


def test_counts_decay_to_the_newest_click():
    assert ledger().counts("user") == pytest.approx({"u1": 1.5, "u2": 1.0})


@pytest.mark.parametrize(
    ("found", "lost", "doubled"),
    [
        ({"u1": 1.5, "u2": 1.0}, 0, 0),
        ({"u1": 0.5, "u2": 1.0}, 1, 0),
        ({"u1": 1.5, "u2": 3.0}, 0, 2),
    ],
)
def test_what_a_count_lacks_is_lost_and_what_it_has_too_much_is_doubled(found, lost, doubled):
    balance = Balance()
    compare_counts(balance, ledger().counts("user"), found)
    assert (balance.lost, balance.doubled) == (lost, doubled)


def test_an_entity_that_is_not_there_has_lost_all():
    balance = Balance()
    compare_counts(balance, {"u1": 3.0}, {})
    assert balance.lost == 3


def test_sound_examples_balance():
    assert examined(ROWS).is_even


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (ROWS[1:], {"unlearnt": 1}),
        ([*ROWS, ROWS[0]], {"learnt_twice": 1}),
        ([*ROWS, row("list", 0.0, "u2", "i1", 250.0, "impression")], {"both_labels": 1}),
        (ROWS[:-1], {"unlabelled": 1}),
    ],
)
def test_a_planted_fault_is_found(rows, fault):
    assert vars(examined(rows)) == {**vars(Balance()), **fault}


def test_feedback_that_overtook_its_list_leaves_its_item_unlabelled():
    organic = row("c", 1.0, "u2", "i1", 300.0, "organic")
    assert examined([*ROWS[:3], organic, ROWS[4]]).is_even
