"""Waiting for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    probe: Callable[[], T], what: str, timeout_s: float = 30.0, every_s: float = 0.05
) -> T:
    """Call `probe` until it gives something true; that value.

    Raises:
        AssertionError: it did not within `timeout_s`; says what was waited for and the last value.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}. Last: {value!r}")
        time.sleep(every_s)
