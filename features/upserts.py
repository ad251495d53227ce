"""Which of two upserts of an item or a user holds: the same rule for stream and serving.

The newest event time wins, and of equally new ones the greater event id, so that whatever the order
in which the same upserts come, the same one is left. An event that comes again (the same id, within
the dedupe window) has no effect, whatever it says: readers drop it before they ask this rule.
"""

from typing import NamedTuple


class Version(NamedTuple):
    """What orders the upserts of one entity.

    Args:
        event_time: Unix seconds.
        event_id: settles the order of upserts of the same time.
    """

    event_time: float
    event_id: str


def supersedes(new: Version, old: Version | None) -> bool:
    """Whether `new` takes the place of `old`; None is that there was nothing.

    >>> supersedes(Version(5.0, "a"), Version(7.0, "b"))
    False
    """
    return old is None or tuple(new) > tuple(old)
