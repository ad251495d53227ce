"""Lists of the live workers beside those of the backtest's loop, after the same log.

    python -m tests.bench.bench_live_lists [--events 50000] [--users 2000]

Real Kafka and Redis, the stream, trainer and serving workers; then the same events through the loop
of `millstream backtest`, and a list for every user from both, at the same moments. Printed is how
many lists are the same, item by item, and the largest relative difference of a score.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path

from deploy.local import local_services
from millstream.events import Impression
from serving.recommend.query import Recommendation
from tests.support.installation import Installation
from tests.support.live_lists import lists_of_both
from tests.support.small_log import small_log

TIMEOUT_S = 900.0


def is_same(live: Impression, made: Recommendation) -> bool:
    """Return whether both have the same items, in the same order, with the same features."""
    one = [(item.item_id, item.features) for item in live.items]
    return one == [(item.item_id, item.features) for item in made.items]


def difference(live: Impression, made: Recommendation) -> float:
    """The largest difference of a score, as a share of it."""
    pairs = zip(live.items, made.items, strict=True)
    return max(abs(one.score - other.score) / max(abs(one.score), 1e-9) for one, other in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--items", type=int, default=1_000)
    chosen = parser.parse_args()
    log = small_log(chosen.events, chosen.users, chosen.items // 2)
    with tempfile.TemporaryDirectory() as folder, local_services(Path(folder) / "services") as at:
        urls, prefix = (at.bootstrap_servers, at.redis_url), Installation.fresh_prefix("live")
        with Installation(*urls, prefix, Path(folder), feast_project="live") as own:
            own.create_topics()
            pairs = asyncio.run(lists_of_both(own, Path(folder) / "loop", log, TIMEOUT_S))
    same = sum(is_same(*pair) for pair in pairs)
    most = max(difference(*pair) for pair in pairs if is_same(*pair))
    print(f"{chosen.events:,} events: {same:,} of {len(pairs):,} lists are the same;")
    print(f"the largest difference of a score in them is {most:.1e} of it.")


if __name__ == "__main__":
    main()
