"""A clock that the simulation sets."""


class SimulatedClock:
    """Simulated time; it never goes back.

    >>> clock = SimulatedClock(10.0)
    >>> clock.set(12.5)
    >>> clock.now()
    12.5
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s

    def now(self) -> float:
        """Unix seconds, simulated."""
        return self._now_s

    def set(self, now_s: float) -> None:
        """Move forward to `now_s`.

        Raises:
            ValueError: that is in the past.
        """
        if now_s < self._now_s:
            raise ValueError(f"`now_s` must be at least {self._now_s!r}. Received: {now_s!r}.")
        self._now_s = now_s
