"""Several serving workers behind one port against one: requests within the budget, and memory.

    python tests/bench/bench_serving_workers.py [--workers 2] [--items 10000] [--rates 60 90 120]
        [--rounds 3]

Everything is real and of the default size, as in `bench_recommend.py`. Both installations run all
the time, on the same broker and Redis, and are asked by turns, so that what else the machine does
meets both. Requests come over more connections than are needed. Memory is that of all processes of
an installation: PSS, in which a shared page counts for each its share.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from deploy.local import local_services
from tests.bench.bench_recommend import MODELS, catalogue, fill, measured
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.serving_worker import Served


def pss_mb(processes: Sequence[psutil.Process]) -> float:
    """Memory of these processes, a page that n share counting 1 / n for each, in MB."""
    return sum(each.memory_full_info().pss for each in processes) / 1e6


def asked(served: Served, rate: float, seconds: float, seed: int) -> dict[str, float]:
    """One run; with `answered` and `cpu`, requests per second and per CPU second."""
    cpu_s = served.cpu_s()
    run = measured(served.port, rate, seconds, seed, connections="32")
    run["answered"] = run["requests"] - run["shed"] - run["failed"] - run["degraded"]
    run["cpu"] = run["answered"] / max(served.cpu_s() - cpu_s, 1e-9)
    run["answered"] /= seconds
    return run


def report(name: str, rate: float, runs: list[dict[str, float]]) -> None:
    p50, p99, whole, cpu = (
        median(run[key] for run in runs) for key in ("p50", "p99", "answered", "cpu")
    )
    spread = " ".join(f"{run['p99']:.0f}" for run in runs)
    print(
        f"{name:>11}  {rate:g}/s: whole lists {whole:.0f}/s, {cpu:.0f} a CPU second, "
        f"p50 {p50:.1f} ms, p99 {p99:.0f} ms ({spread})",
        flush=True,
    )


def shares(served: Served) -> str:
    """How many lists each worker made."""
    name = "millstream_serving_lists_total"
    found = {key: count for key, count in scrape(served.port).items() if key.startswith(name)}
    return ", ".join(f"{count:.0f}" for count in found.values() if count)


def wait_until_ready(served: Served) -> None:
    eventually(lambda: served.ready()["ready"], "all are ready", 300)


def bench(options: argparse.Namespace, folder: Path) -> None:
    items = catalogue(options.items)
    with local_services(folder / "services") as services, ExitStack() as stack:
        found: dict[str, Served] = {}
        for count in (1, options.workers):
            name = f"--workers {count}"
            own = folder / str(count)
            installation = stack.enter_context(
                Installation(services.bootstrap_servers, services.redis_url, f"bench{count}.", own)
            )
            installation.create_topics()
            fill(installation.settings, items)
            served = stack.enter_context(Served(installation, items, MODELS, count))
            served.write_and_serve()
            wait_until_ready(served)
            measured(served.port, 20.0, 5.0, seed=0)  # warm
            found[name] = served
        for rate in options.rates:
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in found}
            for seed in range(options.rounds):
                for name, served in found.items():
                    runs[name].append(asked(served, rate, options.seconds, seed))
                    time.sleep(1.0)
            for name, each in runs.items():
                report(name, rate, each)
        for name, served in found.items():
            sizes = [pss_mb([process]) for process in served.processes()]
            single = ", ".join(f"{size:.0f}" for size in sizes)
            print(f"{name:>11}  PSS {sum(sizes):.0f} MB ({single}); lists made: {shares(served)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--rates", type=float, nargs="+", default=[60.0, 90.0, 120.0])
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    with tempfile.TemporaryDirectory() as folder:
        bench(parser.parse_args(), Path(folder))


if __name__ == "__main__":
    main()
