"""Many hostile requests for every route of the API, and what they were answered.

    python tests/bench/fuzz_api.py
    python tests/bench/fuzz_api.py --cases 500 --seed 7

schemathesis makes the cases from /openapi.json: half of them legal, half not. They go to the
application in this process, which has items, but neither broker, Redis nor model. The first answer
that is a 5xx ends the run with the request that brought it.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from tests.support.api_fuzz import application, fuzz, operations, schema_of

# What is asked of the routes with bodies, for one case of the others.
WEIGHT = 3
SMALL = {"/healthz", "/metrics"}


def main() -> None:
    """Fuzz, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000, help="requests in all, about")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        app, _ = application(Path(folder))
        asked = [each for each in operations(schema_of(app)) if each.path != "/readyz"]
        parts = sum(_weight(each.path) for each in asked)
        total: Counter[int] = Counter()
        for operation in asked:
            begun_s = time.perf_counter()
            cases = arguments.cases * _weight(operation.path) // parts
            statuses = fuzz(operation, cases, arguments.seed)
            total += statuses
            print(f"{operation.label:28} {_text(statuses)}  {time.perf_counter() - begun_s:.0f} s")
        print(f"{'all':28} {_text(total)}  5xx: {sum(n for s, n in total.items() if s >= 500)}")


def _weight(path: str) -> int:
    return (
        0
        if path in SMALL
        else WEIGHT
        if path in ("/v1/events", "/v1/items", "/v1/recommend")
        else 1
    )


def _text(statuses: Counter[int]) -> str:
    return ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))


if __name__ == "__main__":
    main()
