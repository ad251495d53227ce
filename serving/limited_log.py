"""Log lines about what may fail a thousand times a second."""

import logging

from millstream.clock import Clock


class LimitedLog:
    """Passes on one line of a kind every `every_s` seconds, and says how many it held back.

    Args:
        every_s: seconds between two lines of one kind.
    """

    def __init__(self, logger: logging.Logger, clock: Clock, every_s: float = 10.0) -> None:
        self._logger = logger
        self._clock = clock
        self._every_s = every_s
        self._last: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def warn_of(self, kind: str, text: str) -> None:
        """Log `text` unless a line of this `kind` (a name known in advance) came lately."""
        now_s = self._clock.now()
        if now_s - self._last.get(kind, float("-inf")) < self._every_s:
            self._held_back[kind] = self._held_back.get(kind, 0) + 1
            return
        self._last[kind] = now_s
        held_back = self._held_back.pop(kind, 0)
        more = f" ({held_back} more since the last such line)" if held_back else ""
        self._logger.warning("%s%s", text, more)
