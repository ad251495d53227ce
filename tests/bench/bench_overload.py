"""One serving worker that is offered three times what it can take.

    python tests/bench/bench_overload.py [--rate 400] [--seconds 60] [--items 10000]

Everything is real and of the default size, as in `bench_recommend.py`. Before, at a rate that the
worker can take; then too much for a minute, with a connection for each request that waits; then
again what it can take. Bars: nobody gets anything but a list or 503 with Retry-After, p99 of what
is answered is within twice the budget, and a second after the flood lists are whole again.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from deploy.local import local_services
from tests.bench.bench_recommend import MODELS, catalogue, fill, measured
from tests.support.installation import Installation
from tests.support.scrape import scrape
from tests.support.serving_worker import Served

CALM_PER_S = 20.0
CONNECTIONS = "4000"
WHOLE = 20  # answers in a row that lack nothing: the flood is over


def report(name: str, run: dict[str, float], rate: float, seconds: float) -> None:
    answered = run["requests"] - run["shed"] - run["failed"]
    print(
        f"{name:>7}  offered {rate:g}/s, answered {answered / seconds:.0f}/s, "
        f"shed {run['shed'] / run['requests']:.0%}, failed {run['failed']:.0f}, "
        f"degraded {run['degraded'] / max(answered, 1):.0%} of the answers; "
        f"p50 {run['p50']:.0f} ms, p99 {run['p99']:.0f} ms, max {run['max']:.0f} ms; "
        f"the generator was late by {run['lag_p99']:.0f} ms (p99)"
    )


def whole_again_s(served: Served) -> float:
    """Seconds until lists lack nothing."""
    begun, whole = time.monotonic(), 0
    last = begun
    while whole < WHOLE:
        answer = served.http.post("/v1/recommend", json={"user_id": "u1", "k": 20})
        whole = whole + 1 if answer.status_code == 200 and not answer.json()["degraded"] else 0
        last = last if whole else time.monotonic()
        time.sleep(1.0 / CALM_PER_S)
    return last - begun


def bench(options: argparse.Namespace, folder: Path) -> None:
    items = catalogue(options.items)
    with local_services(folder / "services") as services:
        servers, redis_url = services.bootstrap_servers, services.redis_url
        with Installation(servers, redis_url, "bench.", folder) as installation:
            installation.create_topics()
            fill(installation.settings, items)
            with Served(installation, items, MODELS) as served:
                served.write_and_serve()
                calm = measured(served.port, CALM_PER_S, 10.0, seed=0)
                report("before", calm, CALM_PER_S, 10.0)
                flood = measured(
                    served.port, options.rate, options.seconds, seed=1, connections=CONNECTIONS
                )
                print(f"lists are whole again after {whole_again_s(served):.1f} s")
                report("flood", flood, options.rate, options.seconds)
                report("after", measured(served.port, CALM_PER_S, 10.0, 2), CALM_PER_S, 10.0)
                seen = scrape(served.port)
                for name in ("shed", "degraded"):
                    whole = f"millstream_serving_{name}_total"
                    found = {
                        k.removeprefix(whole): n for k, n in seen.items() if k.startswith(whole)
                    }
                    print(f"{name}: " + ", ".join(f"{k} {n:.0f}" for k, n in found.items() if n))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    defaults: dict[str, Any] = {"rate": 400.0, "seconds": 60.0, "items": 10_000}
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    with tempfile.TemporaryDirectory() as folder:
        bench(parser.parse_args(), Path(folder))


if __name__ == "__main__":
    main()
