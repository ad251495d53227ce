import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.counters import Counters, counters_of
from features.feature import Feature
from features.spec import USER_STATS

COUNTERS = Counters(
    (
        Feature("user_e", USER_STATS, "float32", default=0.0, counts="events", half_life_s=60.0),
        Feature("user_p", USER_STATS, "float32", default=0.0, counts="positives", half_life_s=60.0),
    )
)
AGES = st.floats(0, 1e6)


def test_a_half_life_leaves_half():
    assert COUNTERS.advanced((8.0, 4.0), 60.0, positive=False) == (5.0, 2.0)


def test_a_positive_counts_as_event_and_as_positive():
    assert COUNTERS.advanced(COUNTERS.empty, 0.0, positive=True) == (1.0, 1.0)
    assert COUNTERS.advanced(COUNTERS.empty, 0.0, positive=False) == (1.0, 0.0)


def test_what_came_before_all_time_is_gone():
    assert COUNTERS.advanced((8.0, 4.0), 1e12, positive=True) == (1.0, 1.0)


@given(first=AGES, second=AGES, positive=st.booleans())
def test_an_event_absorbed_late_counts_as_if_it_had_come_in_time(first, second, positive):
    start = (3.0, 1.0)
    in_time = COUNTERS.advanced(COUNTERS.advanced(start, first, positive), second, True)
    without = COUNTERS.advanced(start, first + second, True)
    assert COUNTERS.absorbed(without, second, positive) == pytest.approx(in_time)


@pytest.mark.parametrize("entity", ["user", "item"])
def test_every_decayed_count_of_the_spec_is_kept(entity):
    counters = counters_of(entity)
    assert len(counters.empty) == len(counters.features)
    assert all(f.counts and f.half_life_s and f.entity == entity for f in counters.features)
