"""Reasons of a degraded answer."""

from typing import Literal

Degraded = Literal[
    "user_store", "model", "retriever", "ranker", "budget", "overload", "all_seen", "score", "rule"
]

REASONS: dict[Degraded, str] = {
    "user_store": "Redis did not answer in time: a user as this worker remembers them, or unknown.",
    "model": "No snapshot has been loaded: what is popular and new, by popularity.",
    "retriever": "The retriever is missing or failed: what is popular and new, ranked.",
    "ranker": "The ranker is missing or failed: candidates by popularity.",
    "budget": "The time budget was spent: candidates by popularity, or less diverse than wanted.",
    "overload": "Too many requests at once: a list that costs little, by popularity.",
    "score": "The formula cannot be computed of what the model gives: by the first task.",
    "rule": "A rule of the project's own failed: its order is left as it was.",
    "all_seen": "Too few unseen items are left: the list ends with items seen before.",
}
