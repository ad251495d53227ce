"""The core against the definitions: every value summed up anew from all earlier events."""

from random import Random
from typing import Any

import pytest

from features.families.count import VOTERS
from features.labels import label_of
from features.spec import BY_NAME, FEATURES
from millstream.events import Interaction
from tests.support.stream_cases import MemoryStream, examples_of, interaction, item_upsert

CATEGORY_HALF_LIFE_S = BY_NAME["user_category_events"].half_life_s or 0.0
RECENT_ITEMS = BY_NAME["user_recent_items"].length or 0
KINDS = ("click", "view", "skip", "like", "purchase")
ITEMS = {
    f"i{n}": [f"c{n % 4}", f"c{n % 3}"] if n % 4 != n % 3 else [f"c{n % 4}"] for n in range(12)
}


def day(seed: int) -> list[Interaction]:
    """Two hundred events of a few people, now and then in the same second."""
    random = Random(seed)
    seconds = sorted(random.randrange(40_000) // 2 * 2 for _ in range(200))
    return [
        interaction(
            second,
            f"u{random.randrange(4)}",
            random.choice(sorted(ITEMS)),
            kind=random.choice(KINDS),
            event_id=f"e{n}",
        )
        for n, second in enumerate(seconds)
    ]


def weight(event: Interaction, time_s: float, half_life_s: float) -> float:
    return 2.0 ** (-(time_s - event.event_time) / half_life_s)


def is_positive(event: Interaction) -> bool:
    return label_of(event.kind, event.value) == 1.0


def is_new(event: Interaction, past: list[Interaction]) -> bool:
    """Whether nothing positive by the same person about the same item came before."""
    assert len({each.user_id for each in past}) < VOTERS
    earlier = past[: past.index(event)]
    return not any(e.user_id == event.user_id and is_positive(e) for e in earlier)


def counts(entity: str, past: list[Interaction], time_s: float) -> dict[str, float]:
    return {
        f.name: sum(
            weight(e, time_s, f.half_life_s)
            for e in past
            if f.counts == "events"
            or (is_positive(e) and (f.counts == "positives" or is_new(e, past)))
        )
        for f in FEATURES
        if f.counts and f.half_life_s and f.entity == entity
    }


def affinities(past: list[Interaction], time_s: float) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for event in past:
        left = weight(event, time_s, CATEGORY_HALF_LIFE_S)
        for category in ITEMS[event.item_id]:
            events, positives = found.get(category, (0.0, 0.0))
            found[category] = (events + left, positives + left * is_positive(event))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_every_example_holds_exactly_what_was_before_it(seed: int):
    stream = MemoryStream(sampled_negatives=2)
    stream.run(*(item_upsert(-1, item, categories=names) for item, names in ITEMS.items()))
    events = day(seed)
    rows = [row for n in range(0, 200, 23) for row in examples_of(stream.run(*events[n : n + 23]))]
    assert len({row["event_id"] for row in rows}) == sum(
        label_of(e.kind, e.value) is not None for e in events
    )
    for row in rows:
        check(row, [e for e in events if e.event_time < row["event_time"]])


def check(row: dict[str, Any], past: list[Interaction]) -> None:
    time_s = row["event_time"]
    of_user = [e for e in past if e.user_id == row["user_id"]]
    of_item = [e for e in past if e.item_id == row["item_id"]]
    expected = {**counts("user", of_user, time_s), **counts("item", of_item, time_s)}
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert row["user_updated_at"] == max((e.event_time for e in of_user), default=0.0)
    assert len(ITEMS) < RECENT_ITEMS
    assert set(row["user_recent_items"]) == {e.item_id for e in of_user}
    found = zip(row["user_category_events"], row["user_category_positives"], strict=True)
    named = dict(zip(row["user_categories"], found, strict=True))
    wanted = affinities(of_user, time_s)
    assert named.keys() == wanted.keys()
    for name, pair in wanted.items():
        assert named[name] == pytest.approx(pair, rel=1e-5)
