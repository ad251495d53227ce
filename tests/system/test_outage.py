"""A service is killed under all workers; when it is back they go on, and count right."""

import shutil
import time
from collections.abc import Iterator

import pytest

from deploy.local import LocalServices, local_services
from deploy.local.service import LocalService
from tests.support.eventually import eventually
from tests.support.outage import TIMEOUT_S, World, clicks, world

# Longer than a session of the broker and than the lease in Redis (6 s each).
AWAY_S = 8.0

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def killable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServices]:
    """A broker and a Redis of our own, which keep on disk what they have."""
    with local_services(tmp_path_factory.mktemp("killable")) as services:
        if "external" in (services.kind, services.redis.kind):
            pytest.skip("a service that is not ours to kill")
        if not services.kafka.durable:
            pytest.skip(f"{services.kind} keeps messages in memory only: none outlives a kill")
        yield services


@pytest.fixture(scope="module")
def loop(killable: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all tests, as it takes long to start: each sends clicks of its own."""
    with world(killable, "outage", tmp_path_factory.mktemp("outage")) as found:
        yield found


def ask_for_lists(loop: World, seconds: float) -> None:
    """Each must be complete."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        loop.recommend()
        time.sleep(0.2)


def check_goes_on(loop: World, version: int) -> None:
    """All is counted once and learnt; lists come of features, and of weights after `version`."""
    loop.wait_counted()
    eventually(lambda: loop.version() > version, f"newer than {version} is served", TIMEOUT_S)
    eventually(lambda: loop.recommend()["degraded"] == [], "nothing is missing", TIMEOUT_S)
    loop.check_counted_once()
    assert [name for name, worker in loop.workers.items() if not worker.alive] == []


def test_the_broker_is_killed_and_comes_back(killable: LocalServices, loop: World):
    loop.publish(clicks(1_000, first=1_000))
    killable.kafka.kill()
    ask_for_lists(loop, seconds=1.0)
    refused = clicks(3, first=2_000)
    answer = loop.post(*refused)
    assert (answer.status_code, answer.json()["detail"][:26]) == (503, "Kafka did not take the eve")
    ask_for_lists(loop, AWAY_S)

    version = loop.version()
    killable.kafka.start()
    eventually(lambda: loop.post(*refused).status_code == 202, "events are taken", TIMEOUT_S)
    loop.publish(clicks(1_000, first=3_000))
    check_goes_on(loop, version)


def test_redis_is_killed_and_comes_back(killable: LocalServices, loop: World):
    loop.publish(clicks(1_000, first=4_000))
    killable.redis.kill()
    assert loop.post(*clicks(10, first=5_000)).status_code == 202
    ask_for_lists(loop, AWAY_S)
    assert loop.recommend()["degraded"] == ["user_store"]

    killable.redis.start()
    version = loop.version()
    loop.publish(clicks(1_000, first=6_000))
    check_goes_on(loop, version)


def test_redis_comes_back_with_nothing(killable: LocalServices, loop: World):
    """The stream worker says so and ends; the next one builds everything anew from the log."""
    assert isinstance(killable.redis, LocalService)
    killable.redis.kill()
    shutil.rmtree(killable.redis.folder)
    killable.redis.start()
    assert loop.workers["stream"].wait(TIMEOUT_S) != 0
    assert "Redis lost its data" in loop.workers["stream"].log_tail()
    own = loop.installation
    loop.workers["stream"] = own.run("stream", ready=own.stream_listens)
    version = loop.version()
    loop.publish(clicks(100, first=7_000))
    check_goes_on(loop, version)
