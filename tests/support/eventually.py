"""Waiting for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# A look costs both sides something: the longer it takes, the rarer they are.
SOONEST_S, SLOWEST_S = 0.02, 0.25


def eventually(
    probe: Callable[[], T], what: str, timeout_s: float = 30.0, every_s: float | None = None
) -> T:
    """Call `probe` until it gives something true; that value.

    Args:
        every_s: between two calls; None is a tenth of the time that was waited.

    Raises:
        AssertionError: it did not within `timeout_s`; says what was waited for and the last value.
    """
    began = time.monotonic()
    while True:
        value = probe()
        if value:
            return value
        waited = time.monotonic() - began
        if waited > timeout_s:
            raise AssertionError(f"not within {timeout_s:g} s: {what}. Last: {value!r}")
        time.sleep(every_s or min(max(SOONEST_S, waited / 10), SLOWEST_S))
