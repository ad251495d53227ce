"""The order of a list: near-duplicates last but one, seen items last, nothing lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.rerank.arrange import ScoredCandidates, arrange
from serving.retrieval.seen import FRESH, PERHAPS_SEEN, SEEN


def case(scores, levels, groups=None):
    """Candidates that are near-duplicates where they have the same group."""
    groups = np.arange(len(scores)) if groups is None else np.asarray(groups)
    vectors = np.random.default_rng(4).normal(size=(len(scores), 5))
    return ScoredCandidates(
        np.asarray(scores, float),
        np.asarray(scores, float),
        np.asarray(levels),
        lambda at: vectors[at],
        lambda at, _: np.argwhere(np.triu(groups[at][:, None] == groups[at], 1)),
    )


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([0, 1, 2]), st.integers(0, 9)), max_size=40
    ),
    st.integers(1, 12),
    st.sampled_from(["mmr", "dpp", "none"]),
)
def test_every_candidate_has_a_place_and_the_fresh_come_first(rows, k, diversity):
    scores, levels, groups = zip(*rows, strict=True) if rows else ((), (), ())
    order = arrange(case(scores, levels, groups), k, diversity)
    assert sorted(order.tolist()) == list(range(len(rows)))
    found = [levels[at] for at in order]
    assert found == sorted(found)


@pytest.mark.parametrize("diversity", ["mmr", "dpp", "none"])
def test_a_near_duplicate_gives_its_place_to_the_next(diversity):
    order = arrange(case([0.9, 0.8, 0.7, 0.6], [FRESH] * 4, [1, 1, 2, 3]), 3, diversity)
    assert set(order[:3].tolist()) == {0, 2, 3}
    assert order[3] == 1


def test_what_may_have_been_seen_comes_before_what_was():
    order = arrange(case([0.9, 0.8, 0.1], [SEEN, PERHAPS_SEEN, FRESH]), 3, "none")
    assert order.tolist() == [2, 1, 0]


def test_without_diversity_it_is_the_ranking():
    scores = np.random.default_rng(5).random(50)
    order = arrange(case(scores, [FRESH] * 50), 10, "none")
    assert order.tolist() == np.argsort(-scores).tolist()
