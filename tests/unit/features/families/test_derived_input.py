"""Inputs that are computed from counts at the moment of scoring."""

import numpy as np
import pytest

from features.families import Count, Rate, Trend
from features.spec import ITEM_STATS

FAST = Count("item_fast", ITEM_STATS, half_life_s=1_800.0)
SLOW = Count("item_slow", ITEM_STATS, half_life_s=86_400.0)
COLUMNS = {column.name: column for each in (FAST, SLOW) for column in each.columns()}


def encoded(feature, **counts):
    values = {name: np.array([value], np.float32) for name, value in counts.items()}
    return float(feature.encoded(values, COLUMNS)[0])


def test_a_rate_begins_at_a_half_and_goes_to_the_share():
    rate = Rate("item_rate", ITEM_STATS, part="item_fast", whole="item_slow")
    assert encoded(rate, item_fast=0.0, item_slow=0.0) == 0.5
    assert encoded(rate, item_fast=3.0, item_slow=6.0) == pytest.approx((3 + 2) / (6 + 4))


def test_a_steady_flow_has_no_trend_and_a_burst_has_one():
    trend = Trend("item_trend", ITEM_STATS, fast="item_fast", slow="item_slow")
    seconds = np.arange(0.0, 40 * 86_400.0, 60.0)
    fast, slow = (float((0.5 ** (seconds / h)).sum()) for h in (1_800.0, 86_400.0))
    assert encoded(trend, item_fast=fast, item_slow=slow) == pytest.approx(0.0, abs=0.03)
    assert encoded(trend, item_fast=3 * fast, item_slow=slow) > 0.9
    assert encoded(trend, item_fast=0.0, item_slow=slow) < -3.0
    assert encoded(trend, item_fast=0.0, item_slow=0.0) == 0.0
