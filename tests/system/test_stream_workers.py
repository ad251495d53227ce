"""Several stream workers at once: killed, paused and rebalanced ones lose and double nothing."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.local import LocalServices, Process
from millstream.topics import INTERACTIONS
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.outage import ITEMS, clicks
from tests.support.scrape import scrape
from tests.support.stream_cases import item_upsert
from tests.support.stream_ledger import differing, folded, ledger
from tests.support.stream_outcome import position, send

TIMEOUT_S = 120.0
EVENTS = 1_800
LATENESS = {"allowed_lateness_s": 1_000.0}
RULES: dict[str, Any] = {
    **LATENESS,
    "sampled_negatives": 1,
    "negative_shares": {"uniform": 1.0},
}


class Workers:
    """Stream workers of one installation, each with a port of its own."""

    def __init__(self, own: Installation) -> None:
        self.own, self.ports = own, dict[int, int]()

    def start(self, ready: bool = True) -> Process:
        """A worker more."""
        own = self.own
        port = own.new_port()
        own.choose(stream_metrics_port=port)
        worker = own.run("stream", ready=own.stream_listens if ready else None)
        self.ports[worker.pid] = port
        return worker

    def start_fragile(self) -> Process:
        """A worker that ends before it commits what it has published first."""
        port = self.own.new_port()
        self.own.choose(stream_metrics_port=port)
        worker = self.own.run_python("tests.support.fragile_worker", "1.0", "0")
        eventually(self.own.stream_listens, "it listens", TIMEOUT_S)
        self.ports[worker.pid] = port
        return worker

    def shards(self, worker: Process) -> float:
        """How many a worker has."""
        return scrape(self.ports[worker.pid])["millstream_stream_shards"]


def until(condition: Callable[[], object], what: str) -> None:
    eventually(condition, what, TIMEOUT_S)


@pytest.mark.timeout(400)
def test_workers_that_are_killed_paused_and_broken_lose_and_double_nothing(
    services: LocalServices, tmp_path: Path
):
    prefix = Installation.fresh_prefix("workers")
    urls = services.bootstrap_servers, services.redis_url
    events = clicks(EVENTS, first=0)
    catalogue = [item_upsert(-10, item) for item in ITEMS]
    third = len(events) // 3
    with Installation(*urls, prefix, tmp_path, feast_project="workers", **RULES) as own:
        own.create_topics()
        workers = Workers(own)
        first, second = workers.start(), workers.start()
        send(own.settings, catalogue)
        until(lambda: workers.shards(first) and workers.shards(second), "both have some")
        send(own.settings, events[:third])
        until(lambda: position(own.settings, INTERACTIONS) == third, "a third")

        fragile = workers.start_fragile()
        until(lambda: workers.shards(fragile), "a third one has some")
        os.kill(first.pid, signal.SIGSTOP)
        send(own.settings, events[third : 2 * third])
        until(lambda: not fragile.alive, "an end between publishing and committing")
        until(lambda: position(own.settings, INTERACTIONS) == 2 * third, "two thirds")
        os.kill(first.pid, signal.SIGCONT)

        last = workers.start(ready=False)
        send(own.settings, events[2 * third :])
        second.kill()
        until(lambda: position(own.settings, INTERACTIONS) == len(events), "all of it")
        assert last.alive

        found = ledger(own.settings, events)
        assert (found.lost, found.doubled) == ([], [])
        fold = folded([*catalogue, *events], **LATENESS)
        assert differing(own.settings, events, fold) == []
