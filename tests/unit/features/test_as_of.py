"""Decay: its laws, and that a row and a column of rows decay alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.as_of import as_of
from features.columns import arrays_from_rows
from features.decay import shares
from features.spec import DAY_S, FEATURES, HOUR_S

ages = st.floats(0, 1e5)


@given(ages, ages)
def test_decay_in_two_steps_equals_decay_in_one(a, b):
    both = shares(np.array([a]), 60.0) * shares(np.array([b]), 60.0)
    assert both == pytest.approx(shares(np.array([a + b]), 60.0), rel=1e-5, abs=1e-30)


def test_the_decay_of_the_future_is_not_undone():
    assert shares(np.array([-5.0, 0.0, 60.0]), 60.0).tolist() == [1.0, 1.0, 0.5]


def row(**values):
    return {"user_updated_at": 1e9, **values}


def arrays(*rows):
    return arrays_from_rows(rows, [f for f in FEATURES if f.entity == "user"])


def test_each_window_decays_with_its_own_half_life():
    columns = arrays(row(user_events_1h=8.0, user_events_1d=8.0, user_age=8.0))
    later = as_of(columns, "user", 1e9 + HOUR_S)
    assert later["user_events_1h"][0] == 4.0
    assert later["user_events_1d"][0] == pytest.approx(8.0 * 0.5 ** (HOUR_S / DAY_S))
    assert later["user_age"][0] == 8.0


def test_lists_decay_entry_by_entry():
    columns = arrays(row(user_category_events=[4.0, 2.0]))
    later = as_of(columns, "user", 1e9 + 30 * DAY_S)
    np.testing.assert_allclose(later["user_category_events"][0, :3], [2.0, 1.0, 0.0])


def test_the_past_of_a_row_is_not_made_up():
    columns = arrays(row(user_events_1h=8.0))
    assert as_of(columns, "user", 1e9 - HOUR_S)["user_events_1h"][0] == 8.0


def test_rows_decay_to_their_own_times_and_the_given_columns_stay():
    columns = arrays(row(user_events_1h=8.0), row(user_events_1h=8.0))
    later = as_of(columns, "user", np.array([1e9, 1e9 + HOUR_S]))
    np.testing.assert_allclose(later["user_events_1h"], [8.0, 4.0])
    np.testing.assert_allclose(columns["user_events_1h"], [8.0, 8.0])
