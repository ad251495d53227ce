"""More events than the stream worker can take: is anything lost, and how long until it is fresh?

    python -m tests.bench.bench_stream_overload --seconds 60 --times 3

Measures what one stream worker takes, offers so many times that for as long as asked, and waits
until features are fresh again. At the end every count is held against what was sent.
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console

from tests.bench.faults.checks import compare_online
from tests.bench.faults.ledger import Balance
from tests.bench.faults.load import FLUSH_S, Clicks
from tests.bench.faults.world import World, world
from tests.support.eventually import eventually

USERS, ITEMS = 20_000, 2_000
WARM_UP_EVENTS, MEASURED_EVENTS = 20_000, 60_000
LONGEST_S = 1_200.0


def main() -> None:
    """Run it and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="how long it is too much")
    parser.add_argument("--times", type=float, default=3.0, help="how many times what it takes")
    options = parser.parse_args()
    print_line = Console().print
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        world(Path(folder), USERS, ITEMS) as found,
    ):
        found.start()
        offer(found, 1e9, events=WARM_UP_EVENTS)
        rate = MEASURED_EVENTS / (offer(found, 1e9, events=MEASURED_EVENTS) or 1.0)
        print_line(f"takes {rate:,.0f} events/s")
        before = len(found.ledger.sent)
        seconds = offer(found, options.times * rate, seconds=options.seconds)
        offered = len(found.ledger.sent) - before
        print_line(
            f"offered {offered:,} in {options.seconds:g} s ({offered / options.seconds:,.0f}/s)"
        )
        print_line(f"fresh again {seconds - options.seconds:.1f} s after the last of them was due")
        balance = Balance()
        compare_online(balance, found)
        print_line(f"lost: {balance.lost:,}, doubled: {balance.doubled:,}")


def offer(
    found: World, rate: float, seconds: float = LONGEST_S, events: int | None = None
) -> float:
    """Click at `rate` for so long or so many events; seconds until all are in the features."""
    is_over = threading.Event()
    clicks = Clicks(found.settings, found.ledger, found.users, found.items, rate)
    began_s = time.monotonic()
    seed = len(found.ledger.sent)
    people = threading.Thread(target=clicks.run, args=(seed, is_over, events), daemon=True)
    people.start()
    people.join(seconds)
    is_over.set()
    people.join()
    clicks.close(FLUSH_S)
    eventually(lambda: found.behind() == 0, "all are in the features", LONGEST_S, 0.2)
    return time.monotonic() - began_s


if __name__ == "__main__":
    main()
