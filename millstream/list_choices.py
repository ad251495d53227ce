"""Names of the choices that a list is made by, in settings and in the domain's placements alike."""

from typing import Literal

SourceName = Literal[
    "two_tower",
    "co_occurrence",
    "session_neighbours",
    "item_neighbours",
    "similar",
    "trending",
    "popular",
    "category",
    "recent",
]
Diversity = Literal["mmr", "dpp", "none"]
# Where items that a user has seen go: behind all others, anywhere, or not into the list.
Seen = Literal["behind", "off", "out"]
