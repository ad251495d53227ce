"""One serving worker at a steady rate: the latency of `POST /v1/recommend`.

    python tests/bench/bench_recommend.py [--rate 50] [--seconds 20] [--repeats 3] [--items 10000]

Everything is real and of the default size: broker, Redis with users in it, DCN-V2 and two towers
with tables of all items, 500 candidates, MMR, impressions logged to Kafka. Requests come from
another process, as a Poisson process, and latencies count from when a request was due
(`open_loop.py`). The floor is the same with `GET /healthz`, which does nothing: what the machine,
the HTTP server and the load generator take. Bars: p50 <= 10 ms and p99 <= 30 ms at 50 requests/s.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import redis

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from deploy.local import local_services
from features import bloom
from features.spec import ITEM_STATS, USER_ATTRIBUTES, USER_STATS
from features.stores.redis_online import RedisOnlineStore
from millstream.events import ItemUpsert
from millstream.settings import Settings
from tests.support.feature_rows import feature_rows
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.serving_worker import Served

USERS = 1_000
STAGES = ("user", "retrieve", "rank", "rerank")
MODELS = {
    "ranker": {"name": "dcn_v2", "embedding_width": 16},
    "retriever": {"name": "two_tower", "embedding_width": 16},
}


def catalogue(count: int, first: int = 0) -> list[ItemUpsert]:
    """`count` items with titles, two categories and a year, numbered from `first`."""
    return [
        ItemUpsert(
            event_id=str(number),
            event_time=time.time(),
            item_id=str(number),
            title=f"Title {number * 7919} and {number * 104729}",
            categories=[f"category {number % 18}", f"category {number % 7}"],
            attributes={"release_year": 1920.0 + number % 100},
        )
        for number in range(first, first + count)
    ]


def fill(settings: Settings, items: list[ItemUpsert]) -> None:
    """Counters of users and items, and what every user has seen."""
    now = time.time()
    users = [f"u{number}" for number in range(USERS)]
    with redis.Redis.from_url(settings.redis_url) as client:
        store = RedisOnlineStore(client, settings.feast_project)
        for view in (USER_STATS, USER_ATTRIBUTES):
            store.write(view, feature_rows(view, users, [now] * USERS))
        ids = [item.item_id for item in items]
        store.write(ITEM_STATS, feature_rows(ITEM_STATS, ids, [now] * len(ids)))
        with client.pipeline(transaction=False) as pipe:
            for place, user in enumerate(users):
                key = bloom.key(settings.topic_prefix, user, 0)
                for item in ids[place % 10 :: 100][:100]:
                    for bit in bloom.bits_of(item):
                        pipe.setbit(key, bit, 1)
            pipe.execute()


def measured(port: int, rate: float, seconds: float, seed: int, **more: str) -> dict[str, float]:
    """One run of the load generator, in a process of its own."""
    program = Path(__file__).parent / "open_loop.py"
    given = {"port": port, "rate": rate, "seconds": seconds, "users": USERS, "seed": seed, **more}
    arguments = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, str(program), *arguments]
    found: dict[str, float] = json.loads(subprocess.check_output(command, text=True))
    return found


def stage_means(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Milliseconds a stage takes on the average."""
    name = "millstream_serving_stage_seconds"

    def grown(part: str, stage: str) -> float:
        key = f'{name}_{part}{{stage="{stage}"}}'
        return after[key] - before[key]

    return {s: grown("sum", s) / max(grown("count", s), 1) * 1e3 for s in STAGES}


def report(runs: list[dict[str, float]], stages: dict[str, float], cpu_s: float) -> None:
    for name in ("p50", "p90", "p99", "max"):
        values = sorted(run[name] for run in runs)
        spread = f"{values[0]:.1f} to {values[-1]:.1f}"
        print(f"{name:>4}  {statistics.median(values):6.1f} ms   ({spread})")
    names = ("requests", "failed", "shed", "degraded")
    total, failed, shed, degraded = (sum(run[name] for run in runs) for name in names)
    print(f"{total:.0f} requests, {failed:.0f} failed, {shed:.0f} shed, {degraded:.0f} degraded")
    print(
        f"CPU of the worker: {cpu_s / sum(run['requests'] for run in runs) * 1e3:.1f} ms a request"
    )
    print("stages, mean: " + ", ".join(f"{name} {ms:.2f} ms" for name, ms in stages.items()))


def bench(options: argparse.Namespace, folder: Path) -> None:
    items = catalogue(options.items)
    with local_services(folder / "services") as services:
        servers, redis_url = services.bootstrap_servers, services.redis_url
        with Installation(servers, redis_url, "bench.", folder) as installation:
            installation.create_topics()
            fill(installation.settings, items)
            with Served(installation, items, MODELS) as served:
                served.write_and_serve()
                measured(served.port, options.rate, 5.0, seed=0)  # warm
                before, used_s = scrape(served.port), served.cpu_s()
                runs = [
                    measured(served.port, options.rate, options.seconds, seed)
                    for seed in range(1, options.repeats + 1)
                ]
                used_s = served.cpu_s() - used_s
                report(runs, stage_means(before, scrape(served.port)), used_s)
                floor = measured(served.port, options.rate, options.seconds, 0, path="/healthz")
                print(f"floor, GET /healthz: p50 {floor['p50']:.1f} ms, p99 {floor['p99']:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    defaults: dict[str, Any] = {"rate": 50.0, "seconds": 20.0, "repeats": 3, "items": 10_000}
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    options = parser.parse_args()
    print(f"{options.items} items, {options.rate:g} requests/s, {options.seconds:g} s a run")
    with tempfile.TemporaryDirectory() as folder:
        bench(options, Path(folder))


if __name__ == "__main__":
    main()
