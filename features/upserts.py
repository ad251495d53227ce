"""The one rule of which upsert of an item or of a user holds: the newest by event time.

The stream and every serving worker read the same topics, but not always the same messages: a
compacted topic forgets, and two workers begin at different times. So what holds is not what came
last, but the greatest `UpsertVersion`, which comes out the same in any order of arrival.
"""

from typing import NamedTuple


class UpsertVersion(NamedTuple):
    """When an upsert happened, by its own account; ids settle the order within one instant.

    Args:
        event_time: Unix seconds.
        event_id: of the upsert.
    """

    event_time: float
    event_id: str


def supersedes(new: UpsertVersion, old: UpsertVersion | None) -> bool:
    """Return whether the upsert `new` takes the place of `old`.

    >>> supersedes(UpsertVersion(2.0, "a"), UpsertVersion(1.0, "b"))
    True
    >>> supersedes(UpsertVersion(1.0, "a"), None)
    True
    >>> supersedes(UpsertVersion(1.0, "a"), UpsertVersion(1.0, "b"))
    False
    """
    return old is None or new > old
