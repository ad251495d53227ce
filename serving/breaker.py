"""A breaker: what failed several times in a row is not asked again at once."""

from millstream.clock import Clock


class Breaker:
    """Open after failures in a row, for a while; then one try is let through.

    Args:
        after: how many failures in a row open it; one that is late says little.
        rest_s: how long nobody asks once it is open, seconds.

    >>> from millstream.clock import FakeClock
    >>> clock = FakeClock()
    >>> breaker = Breaker(clock, after=2, rest_s=1.0)
    >>> breaker.failed()
    >>> breaker.allows()
    True
    >>> breaker.failed()
    >>> breaker.allows()
    False
    >>> clock.advance(1.0)
    >>> breaker.allows(), breaker.allows()
    (True, False)
    """

    def __init__(self, clock: Clock, after: int = 3, rest_s: float = 1.0) -> None:
        self._clock = clock
        self._after = after
        self._rest_s = rest_s
        self._failures = 0
        self._open_until: float | None = None

    def allows(self) -> bool:
        """True if to ask; while it is open, one caller in each `rest_s` may."""
        if self._open_until is None:
            return True
        if self._clock.now() < self._open_until:
            return False
        self._open_until = self._clock.now() + self._rest_s
        return True

    def failed(self) -> None:
        """It did not answer."""
        self._failures += 1
        if self._failures >= self._after:
            self._open_until = self._clock.now() + self._rest_s

    def succeeded(self) -> None:
        """It answered."""
        self._failures = 0
        self._open_until = None
