"""The baselines by name."""

from collections.abc import Callable, Mapping, Sequence

from millstream.errors import ConfigurationError
from simulation.baselines.baseline import BaselineRecommender
from simulation.baselines.chance import Chance
from simulation.baselines.cooccurrence import Blended, CoOccurrence
from simulation.baselines.ease import Ease
from simulation.baselines.item_knn import ItemNeighbours
from simulation.baselines.neighbours import SessionNeighbours
from simulation.baselines.popularity import Popularity
from simulation.baselines.trending import Trending
from simulation.baselines.window import WindowedClicks

MINUTE_S, HOUR_S, DAY_S = 60.0, 3_600.0, 86_400.0

# From the number of items in the log.
BASELINES: Mapping[str, Callable[[int, str], BaselineRecommender]] = {
    "popular-7d": lambda size, name: Popularity(size, 7 * DAY_S, name),
    "popular-1h": lambda size, name: Popularity(size, HOUR_S, name),
    "popular-20m": lambda size, name: Popularity(size, 20 * MINUTE_S, name),
    "clicks-30m": lambda size, name: WindowedClicks(size, 30 * MINUTE_S, name),
    "trending": lambda size, name: Trending(size, 30 * MINUTE_S, DAY_S, name),
    "co-occurrence": lambda size, name: CoOccurrence(size, 2 * HOUR_S, 30 * MINUTE_S, name),
    "blended": lambda size, name: Blended(size, HOUR_S, 20 * MINUTE_S, name),
    "session-neighbours": SessionNeighbours,
    "item-neighbours": ItemNeighbours,
    "ease": Ease,
    "chance": Chance,
}


def baselines(names: Sequence[str], size: int) -> list[BaselineRecommender]:
    """Fresh baselines; `all` and `none` are names too.

    Args:
        size: how many items the log has.

    Raises:
        ConfigurationError: there is no baseline of that name.
    """
    chosen = list(BASELINES) if "all" in names else [name for name in names if name != "none"]
    if unknown := [name for name in chosen if name not in BASELINES]:
        raise ConfigurationError(
            f"Expected a baseline: {', '.join(BASELINES)}, all or none. Received: {unknown[0]!r}."
        )
    return [BASELINES[name](size, name) for name in chosen]
