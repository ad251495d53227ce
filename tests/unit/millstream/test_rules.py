"""Rules of a project's own: what they may give, how they are found, and their contract suite."""

import sys

import numpy as np
import pytest

from millstream.errors import ConfigurationError
from millstream.own_code import load
from millstream.rules import RuleCandidates, ruled
from millstream.testing import rule_contract


def cheapest_first(order, candidates):
    return order[np.argsort(candidates.features["item_price"][order], kind="stable")]


def unseen(order, candidates):
    return order[~candidates.seen[order]]


CANDIDATES = RuleCandidates(
    np.ones(3), np.array([False, True, False]), {"item_price": np.array([3.0, 1.0, 2.0])}
)


def test_a_rule_orders_anew_and_may_leave_out():
    order = np.array([0, 1, 2])
    assert ruled(cheapest_first, order, CANDIDATES).tolist() == [1, 2, 0]
    assert ruled(unseen, order, CANDIDATES).tolist() == [0, 2]


@pytest.mark.parametrize("given", [[0, 0], [3], [0.0, 1.0], [[0, 1]], [True, False, True]])
def test_what_is_not_some_of_the_positions_each_once_is_no_order(given):
    with pytest.raises(ValueError, match="each once"):
        ruled(lambda order, candidates: np.array(given), np.array([0, 1, 2]), CANDIDATES)


def in_place(order, candidates):
    candidates.scores[:] = 0.0
    return order


def by_chance(order, candidates):
    return np.random.permutation(order)


def with_one_at_least(order, candidates):
    return np.append(order[:1], order[1:][candidates.scores[order[0]] > 0])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (in_place, "must not change"),
        (by_chance, "the same for the same"),
        (with_one_at_least, "must take 0 candidates"),
        (lambda order, candidates: order + 1, "raised ValueError"),
    ],
)
def test_the_contract_finds_what_breaks_it(rule, said):
    with pytest.raises(AssertionError, match=said):
        rule_contract(rule)


def test_the_contract_holds_of_sound_rules():
    rule_contract(cheapest_first, ["item_price"])
    rule_contract(unseen)
    rule_contract(
        lambda order, c: order[c.features["item_categories"][order, 0] > 0], ["item_categories[]"]
    )


def test_an_object_is_found_in_the_projects_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own_rules_of_a_test.py").write_text(
        "def kept(order, candidates):\n    return order\n"
    )
    assert load("own_rules_of_a_test:kept", tmp_path)([1], None) == [1]
    with pytest.raises(ConfigurationError, match="a module without 'lost'"):
        load("own_rules_of_a_test:lost", tmp_path)
    (tmp_path / "own_broken_of_a_test.py").write_text("1 / 0\n")
    with pytest.raises(ConfigurationError, match="ZeroDivisionError: division by zero"):
        load("own_broken_of_a_test:kept", tmp_path)
