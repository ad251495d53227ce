"""How fresh everything is with the whole loop on this machine.

    python tests/bench/bench_freshness.py [--rate 500] [--seconds 60] [--warm-up 15]

Every worker, a real broker and a real Redis; synthetic ratings at a steady rate, and probes through
all partitions. Prints p50 and p99 of each leg, interpolated within the histograms' buckets, once
the workers have been at it for a while: a network is compiled when its first example comes.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from millstream import kafka
from millstream.demo.environment import services, workers
from millstream.demo.metrics_poller import FRESHNESS, freshness_s
from millstream.demo.replay import Replay
from millstream.demo.view import duration
from millstream.events import Interaction, ItemUpsert
from millstream.publishing import EventPublisher
from millstream.scraping import Scrape

USERS, ITEMS = 5_000, 2_000


def catalogue(now_s: float) -> list[ItemUpsert]:
    """Items of ten categories."""
    return [
        ItemUpsert(
            event_id=f"item-{number}",
            event_time=now_s,
            item_id=str(number),
            categories=[f"category-{number % 10}"],
        )
        for number in range(ITEMS)
    ]


def ratings(count: int, per_second: float, seed: int = 1) -> list[Interaction]:
    """Ratings by a skewed population, with the times at which they will be sent."""
    chance, start_s = random.Random(seed), time.time()
    return [
        Interaction(
            event_id=f"rating-{number}",
            event_time=start_s + number / per_second,
            user_id=str(int(chance.paretovariate(0.7)) % USERS),
            item_id=str(int(chance.paretovariate(0.7)) % ITEMS),
            kind="rating",
            value=float(chance.randint(1, 5)),
        )
        for number in range(count)
    ]


def scraped(urls: dict[str, str]) -> dict[str, Scrape]:
    """The metrics of every worker now."""
    return {name: Scrape.of(url) for name, url in urls.items()}


def main() -> None:
    """Run it and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rate", type=float, default=500.0, help="events per second")
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--warm-up", type=float, default=15.0, help="seconds not counted")
    chosen = options.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        services(Path(folder)) as environment,
        workers(environment),
    ):
        events = ratings(int(chosen.rate * chosen.seconds), chosen.rate)
        publisher = EventPublisher(kafka.producer(environment.settings), environment.settings)
        replay = Replay(publisher, catalogue(time.time()), events, chosen.rate)
        replay.start()
        time.sleep(chosen.warm_up)
        first = scraped(environment.metrics)
        replay.join()
        time.sleep(2 * environment.settings.snapshot_interval_s)
        last = scraped(environment.metrics)
    legs = freshness_s({name: last[name].since(first[name]) for name in last})
    table = Table("leg", "p50", "p99", title=f"{chosen.rate:g} events/s for {chosen.seconds:g} s")
    for leg in FRESHNESS:
        table.add_row(leg, *map(duration, legs[leg]))
    Console().print(table)


if __name__ == "__main__":
    main()
