"""Segments, diversity and where hits came from: planted answers."""

import numpy as np
import pytest

from millstream.errors import ConfigurationError
from millstream.events import Interaction, ItemUpsert, UserUpsert
from simulation import figures
from simulation.diversity import by_categories, by_sessions, diversity
from simulation.event_log import log_of_events
from simulation.outcome import LOOP, Outcome
from simulation.segments import NONE, OTHER, grouped, segment_values


def click(number: int, user: str, item: str, device: str | None = None) -> Interaction:
    context = {} if device is None else {"device": device}
    return Interaction(
        event_id=str(number),
        event_time=float(number),
        user_id=user,
        item_id=item,
        kind="click",
        context=context,
    )


LOG = log_of_events(
    [
        UserUpsert(event_id="u", event_time=0.0, user_id="a", attributes={"age": 30}),
        ItemUpsert(event_id="i", event_time=0.0, item_id="x", categories=["news", "sport"]),
        ItemUpsert(event_id="j", event_time=0.0, item_id="y", categories=["news"]),
        click(1, "a", "x", "phone"),
        click(2, "b", "y"),
        UserUpsert(event_id="v", event_time=3.0, user_id="a", attributes={"age": 31}),
        click(4, "a", "z", "desk"),
    ]
)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("user.age", ["30", NONE, "31"]),  # what holds at each moment
        ("item.categories", ["news", "news", NONE]),
        ("context.device", ["phone", NONE, "desk"]),
    ],
)
def test_an_attribute_is_what_was_known_at_the_moment(name, values):
    assert segment_values(LOG, name, [0, 1, 2]).tolist() == values


def test_a_name_of_another_form_is_refused():
    for name in ("age", "user.", "session.length"):
        with pytest.raises(
            ConfigurationError, match=f"item.NAME or context.NAME. Received: '{name}"
        ):
            segment_values(LOG, name, [])


def test_many_numbers_become_quarters_and_many_names_the_most_frequent():
    ages = np.array([*map(str, range(100)), NONE], object)
    found, count = np.unique(grouped(ages).astype(str), return_counts=True)
    assert len(found) == 5 and sorted(count.tolist()) == [1, 25, 25, 25, 25]
    names = np.array([chr(97 + n % 20) for n in range(200)] + ["often"] * 50, object)
    groups = grouped(names)
    assert set(groups[-50:]) == {"often"} and OTHER in groups and len(set(groups)) == 8


def test_lists_of_one_kind_have_no_diversity_and_strangers_have_all():
    log = log_of_events(
        [
            click(n, user, item)
            for n, (user, item) in enumerate(zip("aabbcc", "xyzwxy", strict=True))
        ]
    )
    alike = by_sessions(log)
    x, y, z, w = range(4)
    found = diversity([np.array(pair) for pair in ([x, y], [x, z], [z, w], [x])], alike)
    assert found[:3].tolist() == pytest.approx([0.0, 1.0, 0.0]) and np.isnan(found[3])
    mixed = diversity([np.array([x, y, z])], alike)[0]
    assert mixed == pytest.approx(1 - 1 / 3)  # one pair of three is alike


def test_similarity_of_sessions_is_the_cosine_of_a_slow_version():
    rng = np.random.default_rng(3)
    log = log_of_events([click(n, f"u{rng.integers(9)}", f"i{rng.integers(6)}") for n in range(60)])
    sets = [set(log.sessions[log.items == item].tolist()) for item in range(6)]
    slow = [[len(a & b) / np.sqrt(len(a) * len(b)) for b in sets] for a in sets]
    assert by_sessions(log)(np.arange(6)) == pytest.approx(np.array(slow), abs=1e-6)


def test_categories_are_compared_by_jaccard_and_may_be_missing():
    alike = by_categories(LOG)
    assert alike is not None and alike(np.array([0, 1]))[0, 1] == 0.5
    assert by_categories(log_of_events([click(1, "a", "x")])) is None


def test_a_hit_counts_for_every_source_that_brought_it():
    outcome = Outcome(found_by=[("trending",), ("popular", "trending"), (), ()])
    outcome.ranks[LOOP] = [0, 1, -1, -1]
    rows = figures.by_finder(outcome, 5)
    assert rows["trending"] == pytest.approx(
        {
            "hits": 2.0,
            "share of questions": 0.5,
            "only": 1.0,
            "NDCG@5 of hits": (1 + 1 / np.log2(3)) / 2,
        }
    )
    assert rows["popular"]["only"] == 0.0


def test_segments_and_hours_add_up_to_the_whole():
    outcome, hours = Outcome(), np.array([1, 1, 1, 2])
    outcome.ranks[LOOP] = [0, -1, 2, 0]
    rows = figures.by_value(outcome, 5, hours, np.array(["b", "a", "b", "b"], object))
    assert list(rows) == ["b", "a"] and rows["b"]["questions"] == 3.0
    assert rows["b"]["HR@5"] == 1.0 and rows["a"]["HR@5"] == 0.0
    by_hour = figures.over_time(
        outcome, 5, hours, {"variety": np.array([0.5, np.nan, 1.0, np.nan])}
    )
    assert by_hour[1]["HR@5"] == pytest.approx(2 / 3) and by_hour[1]["variety"] == 0.75
    assert by_hour[2]["questions"] == 1.0 and np.isnan(by_hour[2]["variety"])
