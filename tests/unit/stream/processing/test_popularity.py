"""Popularity counts people: one of them cannot make an item popular by themselves."""

import pytest

from tests.support.stream_cases import MemoryStream, feature_rows_of, interaction


@pytest.mark.parametrize("others", [["spam-1"], ["spam-1", "spam-2", "spam-3"]])
def test_what_three_people_like_is_more_popular_than_what_one_bot_clicks_without_end(others):
    stream = MemoryStream()
    clicks = [
        interaction(n // 100, "bot", others[n % len(others)], event_id=f"bot-{n}")
        for n in range(2_000)
    ]
    likes = [interaction(10, user, "lamp", event_id=user) for user in ("ann", "bob", "eve")]
    effects = [stream.run(*batch) for batch in (clicks[:1_000], likes, clicks[1_000:])]
    rows = [row for each in effects for row in feature_rows_of(each, "item_stats")]
    newest = {row["item_id"]: row for row in rows}
    assert newest["lamp"]["item_popularity"] > 2.9
    for spam in others:
        assert newest[spam]["item_popularity"] <= 1.0
        assert newest[spam]["item_positives_30d"] > 600
