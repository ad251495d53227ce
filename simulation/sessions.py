"""The sessions that are open while a log is replayed."""

from collections import OrderedDict


class OpenSessions:
    """The items of each session so far; those that were quiet longest are forgotten.

    Args:
        most: sessions that are kept.
    """

    def __init__(self, most: int = 200_000) -> None:
        self._most = most
        self._items: OrderedDict[int, list[int]] = OrderedDict()

    def items(self, session: int) -> list[int]:
        """Oldest first."""
        return self._items.get(session, [])

    def add(self, session: int, item: int) -> None:
        """Note that `item` came next in `session`."""
        self._items.setdefault(session, []).append(item)
        self._items.move_to_end(session)
        if len(self._items) > self._most:
            self._items.popitem(last=False)
