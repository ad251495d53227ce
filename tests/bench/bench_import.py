"""Requests while the catalogue is imported: 20,000 upserts at once, lists at a steady rate beside.

    python tests/bench/bench_import.py [--rate 20] [--items 2000] [--imported 20000]

The import is an update of items that are known and an addition of new ones. Compared are the
latencies of lists without and with it, and how long the import takes to be retrievable.
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from deploy.local import local_services
from tests.bench.bench_recommend import MODELS, catalogue, fill, measured
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.serving_worker import Served

SECONDS = 20.0


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
                report("calm", measured(served.port, options.rate, SECONDS, seed=1))
                begun, took = time.monotonic(), []
                importing = threading.Thread(
                    target=imported, args=(served, options.imported, begun, took)
                )
                importing.start()
                report("import", measured(served.port, options.rate, SECONDS, seed=2))
                importing.join()
                print(f"{options.imported} items were retrievable after {took[0]:.1f} s")


def imported(served: Served, count: int, begun: float, took: list[float]) -> None:
    served.send(*catalogue(count))
    eventually(lambda: served.ready()["items"] >= count, "the import is there", 300)
    took.append(time.monotonic() - begun)


def report(name: str, run: dict[str, float]) -> None:
    whole = " ".join(f"{part} {run[part]:.1f} ms" for part in ("p50", "p90", "p99", "max"))
    print(f"{name:>6}  {whole}; {run['degraded']:.0f} of {run['requests']:.0f} degraded")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    defaults: dict[str, Any] = {"rate": 20.0, "items": 2_000, "imported": 20_000}
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    with tempfile.TemporaryDirectory() as folder:
        bench(parser.parse_args(), Path(folder))


if __name__ == "__main__":
    main()
