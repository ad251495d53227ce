"""When an item is available: of many at once, and of one."""

import numpy as np
import pytest

from features.availability import AvailabilityColumns, Span
from millstream.domain import domain

COLUMNS = AvailabilityColumns("item_begins", "item_ends", "item_stock")


@pytest.mark.parametrize("time_s", [0.0, 10.0, 10.5, 20.0, 31.0])
def test_columns_say_of_each_item_what_its_span_says(time_s):
    rng = np.random.default_rng(1)
    values = {
        "item_begins": rng.choice([0.0, 10.0, 20.0], 200),
        "item_ends": rng.choice([0.0, 10.0, 20.0, 30.0], 200),
        "item_stock": rng.integers(0, 2, 200),
    }
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    expected = [COLUMNS.span(row).is_open(time_s) for row in rows]
    assert COLUMNS.available(values, time_s).tolist() == expected
    assert 0 < sum(expected) < 200


def test_it_begins_at_its_first_moment_and_is_over_at_its_last():
    span = Span(10.0, 20.0)
    assert [span.is_open(at) for at in (9.9, 10.0, 19.9, 20.0)] == [False, True, True, False]
    assert [span.next_s(at) for at in (9.9, 10.0, 20.0)] == [10.0, 20.0, None]
    assert [span.is_over(at) for at in (19.9, 20.0)] == [False, True]
    assert not span.hidden().is_open(15.0) and span.hidden().is_over(20.0)


def test_what_is_not_said_limits_nothing():
    assert COLUMNS.span({}) == Span() == Span(0.0, 0.0, True)
    assert Span().is_open(0.0) and Span().next_s(0.0) is None
    assert AvailabilityColumns.of(domain().item).names == []
