"""Back-fill never repeats, never stops short, never lets the worse choice come first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.rerank.backfill import backfill

choices = st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=4)


@given(st.integers(0, 30), choices)
def test_the_list_is_as_long_as_there_is_something_to_show(k, given_choices):
    filled = backfill(k, *given_choices)
    different = list(dict.fromkeys(value for choice in given_choices for value in choice))
    assert filled.tolist() == different[:k]


def test_nothing_at_all_is_an_empty_list():
    assert backfill(5).tolist() == backfill(5, np.empty(0)).tolist() == []
