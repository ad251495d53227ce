"""From an event to its features in Redis, at a steady rate.

    python tests/bench/bench_event_to_feature.py [--rate 1000] [--seconds 20]

Every tenth event is a probe, an interaction like any other but on ids of its own. The stream worker
measures each from its `event_time`, the moment before it is handed to the Kafka client, until the
transaction that holds its features is done. Printed are the quantiles of that histogram.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from deploy.local import local_services
from millstream.events import Interaction
from millstream.kafka import producer
from millstream.publishing import EventPublisher
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.stream_outcome import processed

HISTOGRAM = "millstream_stream_event_to_feature_seconds"
USERS, ITEMS = 10_000, 3_000
PROBE_EVERY = 10
SLOT_S = 0.01


def event(number: int, random: Random) -> Interaction:
    """One click, or a probe."""
    is_probe = number % PROBE_EVERY == 0
    return Interaction(
        event_id=f"event-{time.time_ns()}-{number}",
        event_time=time.time(),
        user_id="__probe_user__" if is_probe else f"u{random.randrange(USERS)}",
        item_id="__probe_item__" if is_probe else f"i{int(ITEMS * random.random() ** 2)}",
        kind="click",
        is_probe=is_probe,
    )


def publish(own: Installation, rate: int, seconds: float) -> int:
    """Send events evenly; how many."""
    client = producer(own.settings)
    publisher = EventPublisher(client, own.settings)
    random, sent, began = Random(1), 0, time.perf_counter()
    while (now := time.perf_counter() - began) < seconds:
        while sent < rate * now:
            publisher.send(event(sent, random))
            sent += 1
        time.sleep(SLOT_S)
    publisher.flush()
    client.close()
    return sent


def quantiles(samples: dict[str, float], *wanted: float) -> list[float]:
    """Upper bounds of the quantiles: the edge of the histogram's bucket that each falls into."""
    prefix = f'{HISTOGRAM}_bucket{{le="'
    edges = sorted(
        (float(name.removeprefix(prefix).removesuffix('"}')), count)
        for name, count in samples.items()
        if name.startswith(prefix)
    )
    total = edges[-1][1]
    return [next(edge for edge, count in edges if count >= q * total) for q in wanted]


def since(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    """What was added to the counters in between."""
    return {name: value - before.get(name, 0.0) for name, value in after.items()}


def main() -> None:
    """Warm up, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    chosen = parser.parse_args()
    with local_services() as services, tempfile.TemporaryDirectory() as folder:
        prefix = Installation.fresh_prefix("latency")
        place = (services.bootstrap_servers, services.redis_url, prefix, Path(folder))
        with Installation(*place) as own:
            own.create_topics()
            own.run("stream", ready=own.stream_listens)
            warm = publish(own, chosen.rate, 3.0)
            eventually(lambda: processed(own) >= warm, "the warm-up processed", 120.0)
            before = scrape(own.settings.stream_metrics_port)
            sent = publish(own, chosen.rate, chosen.seconds)
            eventually(lambda: processed(own) >= warm + sent, "all processed", 120.0)
            samples = since(scrape(own.settings.stream_metrics_port), before)
        p50, p90, p99 = quantiles(samples, 0.5, 0.9, 0.99)
        mean = samples[f"{HISTOGRAM}_sum"] / samples[f"{HISTOGRAM}_count"]
        print(
            f"{services.kind}, {os.cpu_count()} cores, {chosen.rate} events/s, {sent} events, "
            f"event to feature: mean {mean * 1e3:.0f} ms, p50 <= {p50 * 1e3:.0f}, "
            f"p90 <= {p90 * 1e3:.0f}, p99 <= {p99 * 1e3:.0f} ms"
        )


if __name__ == "__main__":
    main()
