"""Crashes: what is killed in the middle loses nothing and doubles nothing."""

import time
from functools import partial
from pathlib import Path
from random import Random

import pytest

from deploy.local import LocalServices
from features.feature import View
from features.spec import ITEM_STATS, USER_STATS
from millstream.events import Event
from millstream.settings import Settings
from millstream.topics import INTERACTIONS
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.stream_cases import impression, interaction, item_upsert
from tests.support.stream_outcome import (
    examples,
    offline,
    online,
    plain,
    position,
    send,
    wait_processed,
)

# An item meets fewer than a history keeps: of a day that comes in a moment nothing is late.
USERS, ITEMS, EVENTS = 40, 60, 4_000
USER_IDS = [f"u{n}" for n in range(USERS)]
ITEM_IDS = [f"i{n}" for n in range(ITEMS)]
TIMEOUT_S = 90.0
PENDING = "millstream_stream_pending_impressions"
RULES = {
    "offline_flush_s": 0.3,
    "join_window_s": 300.0,
    "allowed_lateness_s": 1_000.0,
    # What is popular when a negative is drawn depends on how the partitions follow each other.
    "negative_shares": {"uniform": 1.0},
}


def catalogue() -> list[Event]:
    return [item_upsert(-10, item, categories=[f"c{n % 4}"]) for n, item in enumerate(ITEM_IDS)]


def day() -> tuple[list[Event], list[Event]]:
    """Lists, and clicks of which some are feedback on them; every tenth event comes twice."""
    random = Random(7)
    lists: list[Event] = []
    clicks: list[Event] = []
    for n in range(EVENTS):
        second, user, item = n / 50, random.choice(USER_IDS), random.choice(ITEM_IDS)
        if n % 20 == 0:
            shown = random.sample(ITEM_IDS, 3)
            lists.append(impression(second, f"r{n}", shown, user=user))
            clicks.append(interaction(second + 1, user, shown[1], request_id=f"r{n}"))
        else:
            clicks.append(interaction(second, user, item, event_id=f"e{n}"))
        if n % 10 == 0:
            clicks.append(clicks[-1])
    return lists, clicks


def nightfall() -> list[Event]:
    """A look at something by everybody, so late that it closes all windows."""
    return [interaction(10_000, user, "i0", kind="view") for user in USER_IDS]


def new_installation(services: LocalServices, folder: Path, name: str) -> Installation:
    own = Installation(
        services.bootstrap_servers,
        services.redis_url,
        Installation.fresh_prefix(name),
        folder / name,
        feast_project=name,
        **RULES,
    )
    own.create_topics()
    return own


def outcome(own: Installation) -> dict[str, object]:
    """Everything that the worker has brought about, without what depends on the moment."""
    settings = own.settings
    rows = examples(settings)
    return {
        "events": sorted((row["event_id"], row["row"], row["label"]) for row in rows),
        "users": plain(online(settings, USER_STATS, USER_IDS), "user_id"),
        "items": plain(online(settings, ITEM_STATS, ITEM_IDS), "item_id"),
        "offline users": offline(settings, USER_STATS).num_rows,
        "offline items": offline(settings, ITEM_STATS).num_rows,
    }


def run_through(own: Installation, kills: int) -> None:
    """Publish the day and work on it, killing the worker `kills` times on the way.

    A list is there before the feedback on it, as it is in life.
    """
    random = Random(kills)
    worker = own.run("stream", ready=own.stream_listens)
    lists, clicks = day()
    wait_processed(own, send(own.settings, [*catalogue(), *lists]))
    for part in range(kills + 1):
        first, last = (len(clicks) * p // (kills + 1) for p in (part, part + 1))
        send(own.settings, clicks[first:last])
        if part < kills:
            time.sleep(random.uniform(0.0, 0.5))
            worker.kill()
            worker = own.run("stream", ready=own.stream_listens)
    settings = own.settings
    # The night falls when the day is over: a live partition does not wait for another.
    wait_position(settings, len(clicks))
    wait_position(settings, len(clicks) + send(settings, nightfall()))
    eventually(
        lambda: scrape(settings.stream_metrics_port)[PENDING] == 0, "windows closed", TIMEOUT_S
    )
    for view in (USER_STATS, ITEM_STATS):
        eventually(partial(has_rows, settings, view), "part files", TIMEOUT_S)
    worker.stop()


def wait_position(settings: Settings, sent: int) -> None:
    """Wait until so many interactions are worked on and in the store."""
    eventually(lambda: position(settings, INTERACTIONS) == sent, "all worked on", TIMEOUT_S)


def has_rows(settings: Settings, view: View) -> bool:
    """Whether every click has its row in the part files of a view."""
    return offline(settings, view).num_rows >= EVENTS + USERS


@pytest.mark.timeout(300)
def test_a_worker_that_is_killed_ends_up_where_one_that_is_not_does(
    services: LocalServices, tmp_path: Path
):
    with (
        new_installation(services, tmp_path, "steady") as steady,
        new_installation(services, tmp_path, "killed") as killed,
    ):
        run_through(steady, kills=0)
        run_through(killed, kills=3)
        found, expected = outcome(killed), outcome(steady)
        for what, rows in expected.items():
            assert found[what] == rows, what


@pytest.mark.timeout(300)
def test_redis_going_away_in_the_middle_loses_and_doubles_nothing(
    own_services: LocalServices, tmp_path: Path
):
    with new_installation(own_services, tmp_path, "redis-away") as own:
        own.run("stream", ready=own.stream_listens)
        send(own.settings, catalogue())
        wait_processed(own, ITEMS)
        _, events = day()
        half = len(events) // 2
        send(own.settings, events[:half])
        own_services.redis.kill()
        send(own.settings, events[half:])
        time.sleep(1.0)
        own_services.redis.start()
        wait_processed(own, ITEMS + len(events))
        users = online(own.settings, USER_STATS, USER_IDS)
        distinct = {event.event_id for event in events}
        assert round(sum(user["user_events_30d"] for user in users)) == len(distinct)
