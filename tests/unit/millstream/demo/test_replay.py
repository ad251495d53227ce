"""The replay: the past as it happens now, at a steady rate; and whom the story is told of."""

import pytest

from millstream.demo.log import first_met
from millstream.demo.replay import Replay, happening
from millstream.demo.scenario import _new_taste, _someone, usual_positive
from millstream.errors import LogUnavailable
from millstream.events import Event, Interaction, ItemUpsert
from millstream.publishing import EventPublisher

T = 900_000_000.0


def interaction(number: int, user: str = "u") -> Interaction:
    return Interaction(
        event_id=str(number), event_time=T + number, user_id=user, item_id="i", kind="click"
    )


class FakePublisher(EventPublisher):
    def __init__(self, fail: bool = False) -> None:
        self.sent: list[Event | str] = []
        self.fail = fail

    def send(self, event: Event) -> None:
        if self.fail:
            raise LogUnavailable("gone")
        self.sent.append(event)

    def flush(self, timeout_s: float = 0.0) -> None:
        self.sent.append("flushed")


def test_the_catalogue_is_in_kafka_before_the_first_interaction():
    publisher = FakePublisher()
    item = ItemUpsert(event_id="i", event_time=T, item_id="i")
    moments = iter([T + 50.0, T + 51.0])
    replay = Replay(publisher, [item], [interaction(0)], 1e6, lambda: next(moments))
    replay.run()
    at = [happening(item, T + 50.0), "flushed", happening(interaction(0), T + 51.0), "flushed"]
    assert publisher.sent == at
    assert (replay.sent, replay.total, replay.error) == (1, 1, None)


def test_an_item_that_no_catalogue_names_comes_just_before_its_first_interaction():
    publisher = FakePublisher()
    moments = iter([T + 50.0, T + 51.0])
    met = [interaction(0), interaction(1)]
    Replay(publisher, [], met, 1e6, lambda: next(moments)).run()
    assert publisher.sent == [
        "flushed",
        happening(first_met(met[0]), T + 50.0),
        happening(met[0], T + 50.0),
        happening(met[1], T + 51.0),
        "flushed",
    ]


def test_an_item_is_as_old_at_the_replay_as_it_was_in_the_log():
    item = ItemUpsert(event_id="i", event_time=T, item_id="i", created_at=T - 3_600.0)
    assert happening(item, T + 9e6).created_at == T + 9e6 - 3_600.0


def test_a_broker_that_goes_away_ends_the_replay_with_the_error():
    replay = Replay(FakePublisher(fail=True), [], [interaction(0)], per_second=1e6)
    replay.run()
    assert isinstance(replay.error, LogUnavailable)


def test_the_story_is_told_of_somebody_with_a_short_history():
    log = [interaction(n, "heavy") for n in range(400)] + [
        interaction(n, "light") for n in range(24)
    ]
    assert _someone(log) == "light"


@pytest.fixture
def films():
    def film(number: int, category: str) -> ItemUpsert:
        return ItemUpsert(
            event_id=f"{category}{number}",
            event_time=T,
            item_id=f"{category}{number}",
            categories=[category],
        )

    return [film(n, category) for n in range(30) for category in ("war", "love")]


def test_the_new_taste_is_what_the_list_has_least_of(films):
    categories = {film.item_id: film.categories for film in films}
    category, liked = _new_taste([{"item_id": "war1"}], films, categories)
    assert category == "love"
    assert liked == [f"love{n}" for n in range(10)]


def test_where_no_category_has_enough_items_the_new_taste_is_what_is_popular(films):
    bare = [film for film in films if film.categories == ["war"]][:15]
    category, liked = _new_taste([], bare, {film.item_id: [] for film in bare})
    assert category == "" and liked == [film.item_id for film in bare[:10]]


def rating(value: float) -> Interaction:
    return Interaction(
        event_id=f"{value}", event_time=T, user_id="u", item_id="i", kind="rating", value=value
    )


def test_the_new_events_are_of_the_most_frequent_positive_kind_with_a_high_value():
    """Of ten fours and two fives nine tenths are at most a five; a two is no positive."""
    log = [rating(2.0)] * 20 + [rating(4.0)] * 10 + [rating(5.0)] * 2 + [interaction(0)] * 3
    assert usual_positive(log) == ("rating", 5.0)
    assert usual_positive([interaction(0), rating(2.0)]) == ("click", None)
    assert usual_positive([rating(2.0)]) == ("click", None)
