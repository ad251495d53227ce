"""The replay: the past as it happens now, at a steady rate; and whom the story is told of."""

import pytest

from millstream.demo.replay import Replay, happening
from millstream.demo.scenario import _new_taste, _someone
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
