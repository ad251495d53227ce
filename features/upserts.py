"""The one rule of which upsert of an item or of a user holds: the newest by event time.

The stream and every serving worker read the same topics, but not always the same messages: a
compacted topic forgets, and two workers begin at different times. So what holds is not what came
last, but the greatest `Version`, which comes out the same in any order of arrival.
"""

from typing import NamedTuple


class Version(NamedTuple):
    """When an upsert happened, by its own account; ids settle the order within one instant.

    Args:
        event_time: Unix seconds.
        event_id: of the upsert.
    """

    event_time: float
    event_id: str


def supersedes(new: Version, old: Version | None) -> bool:
    """Whether the upsert `new` takes the place of `old`.

    >>> supersedes(Version(2.0, "a"), Version(1.0, "b")), supersedes(Version(1.0, "a"), None)
    (True, True)
    >>> supersedes(Version(1.0, "a"), Version(1.0, "b"))
    False
    """
    return old is None or new > old
