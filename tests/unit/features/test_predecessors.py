"""Followers of single items, against the match with all of them at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.predecessors import PREDECESSORS, followed, followed_each


@given(st.lists(st.integers(0, 12), min_size=1, max_size=6, unique=True), st.integers(0, 99))
def test_each_of_what_was_met_adds_its_part_to_what_all_of_it_says(met, seed):
    assert PREDECESSORS is not None  # the films domain has them
    rng = np.random.default_rng(seed)
    known = np.array([rng.permutation(np.arange(1, 13))[:5] for _ in range(9)])
    known[rng.random(known.shape) < 0.2] = 0
    features = {
        "item_updated_at": np.zeros(9),
        PREDECESSORS.name: known,
        PREDECESSORS.events_column: rng.random(known.shape).astype(np.float32),
    }
    recent = np.array(met)
    each = followed_each(features, recent)
    assert each.shape == (len(met), 9) and not each[recent == 0].any()
    faded = 0.7 ** np.arange(len(met)) @ each
    assert faded == pytest.approx(followed(features, recent, fading=0.7), abs=1e-5)
