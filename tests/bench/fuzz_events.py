"""Many broken events for the API's doors and for the stream's decoder, and what became of them.

    python tests/bench/fuzz_events.py
    python tests/bench/fuzz_events.py --cases 500 --seed 7

The application runs in this process, without a broker, a Redis or a model. An answer that is a 5xx,
a record that the decoder loses, or an event that is answered 202 and that the stream refuses ends
the run with the bytes that brought it.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from tests.support.api_fuzz import application
from tests.support.event_mutants import fuzz_events


async def fuzzed(folder: Path, cases: int, seed: int) -> tuple[Counter[int], Counter[str]]:
    """Answers by status, and what the decoder made of the events."""
    app, broker = application(folder)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        return await fuzz_events(http, broker, cases, seed)


def main() -> None:
    """Fuzz, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        statuses, decoded = asyncio.run(fuzzed(Path(folder), arguments.cases, arguments.seed))
    for name, counts in (("API", statuses), ("stream", decoded)):
        print(f"{name}: " + ", ".join(f"{key}: {n:,}" for key, n in sorted(counts.items())))
    print(f"5xx: 0, {time.perf_counter() - begun_s:.0f} s")


if __name__ == "__main__":
    main()
