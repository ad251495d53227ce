"""Faults under load: does anything get lost, doubled or refused, and how long until all is well?

    python -m tests.bench.bench_faults --seed 1 --minutes 3
    python -m tests.bench.bench_faults --seed 2 --minutes 60 --rate 330     # 200 faults, 1 M events
    python -m tests.bench.bench_faults --only "kill Redis" --only poison --faults 2 --forks

Two stream workers, a trainer and a serving worker, a broker and a Redis of their own. People click
at a steady rate and ask for lists; meanwhile one fault after the other is drawn by the seed, and
the next one comes when the world is well again. It ends after so many minutes, or so many faults.
At the end, or after Ctrl-C, every store is held against a ledger of what was sent. Exits with 1
where it does not balance.
"""

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.faults.checks import answers, balance, settle
from tests.bench.faults.kinds import KINDS
from tests.bench.faults.ledger import Balance
from tests.bench.faults.load import people
from tests.bench.faults.recovery import Recoveries, wait_well
from tests.bench.faults.world import World, world
from tests.support.installation import Installation

USERS, ITEMS = 2_000, 500
PAUSE_S = 2.0
FRESH_S = 3.0

console = Console()


def main() -> None:
    """Run it, and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="of the faults and the load")
    parser.add_argument("--minutes", type=float, help="how long faults are done; 3 by default")
    parser.add_argument("--faults", type=int, help="how many are done, however long it takes")
    parser.add_argument("--rate", type=float, default=300.0, help="clicks a second")
    parser.add_argument("--only", action="append", choices=list(KINDS), help="kinds of faults")
    parser.add_argument(
        "--forks", action="store_true", help="workers start without imports, which take a minute"
    )
    parser.add_argument("--keep", type=Path, help="folder for data and logs, kept afterwards")
    options = parser.parse_args()
    minutes = options.minutes or (None if options.faults else 3.0)
    kinds = options.only or list(KINDS)
    faults = Faults(kinds, options.seed, options.rate, minutes, options.faults)
    Installation.forks = options.forks
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        result = faults.run(options.keep or Path(temporary))
    sys.exit(0 if result.is_even else 1)


@dataclass(frozen=True)
class Faults:
    """A disturbed run.

    Args:
        kinds: of faults, by their names in `tests.bench.faults.kinds`.
        seed: of the faults and the load.
        rate: clicks a second.
        minutes: how long faults are done; None is no bound.
        most: how many of them are done; None is no bound.
    """

    kinds: Sequence[str]
    seed: int
    rate: float
    minutes: float | None = None
    most: int | None = None

    def run(self, folder: Path) -> Balance:
        """Disturb a world of its own in `folder`, print what came out, and return the balance."""
        with world(folder, USERS, ITEMS) as found:
            found.start()
            with people(found, self.rate, self.seed):
                recoveries = do_faults(found, self)
            settle(found)
            result = balance(found)
        report(found, recoveries, result)
        return result


def do_faults(found: World, faults: Faults) -> Recoveries:
    """One fault after the other: every kind once, in an order of the seed, then again."""
    rng, recoveries = random.Random(faults.seed), Recoveries()
    until_s = inf if faults.minutes is None else time.monotonic() + 60.0 * faults.minutes
    left: list[str] = []
    with _ctrl_c() as interrupted:
        while (
            recoveries.count != faults.most
            and time.monotonic() < until_s
            and not interrupted.is_set()
        ):
            left = left or rng.sample(faults.kinds, len(faults.kinds))
            kind = left.pop()
            began_s, at_s = time.monotonic(), time.time()
            KINDS[kind](found, rng)
            lasted_s = time.monotonic() - began_s
            seconds = wait_well(found, int(FRESH_S * faults.rate))
            recoveries.seconds[kind].append(seconds)
            # With the time of day, as clicks that are missing afterwards have it.
            console.print(
                f"{at_s:.0f} {kind}: lasted {lasted_s:.1f} s, well again after {seconds:.1f} s"
            )
            time.sleep(PAUSE_S)
    return recoveries


@contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """Set by Ctrl-C, which ends the faults: what was sent is still held against the ledger."""
    interrupted = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def report(found: World, recoveries: Recoveries, result: Balance) -> None:
    """Tables: recovery by kind, and the balance."""
    times = Table("fault", "times", "well again after, median (s)", "longest (s)")
    for kind, count, middle, longest in recoveries.rows():
        times.add_row(kind, str(count), f"{middle:.1f}", f"{longest:.1f}")
    console.print(times)
    ledger = found.ledger
    console.print(f"{recoveries.count:,} faults of {len(recoveries.seconds)} kinds")
    console.print(f"{len(ledger.sent):,} clicks, {ledger.repeats:,} of them sent twice")
    console.print(f"lists: {answers(ledger)}")
    console.print(f"workers started again: {dict(found.kept.restarts)}")
    for name, value in vars(result).items():
        console.print(f"{name.replace('_', ' ')}: {value:,}")
    console.print("It balances." if result.is_even else "It does NOT balance.")


if __name__ == "__main__":
    main()
