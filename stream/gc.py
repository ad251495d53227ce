"""Garbage collection for a process with very many small, long-lived objects.

Python's collector looks at all of them again and again, though users and items die by reference
counts alone. So it is run by hand, over what is new since the last time, and what has outlived that
is never looked at again.
"""

import gc
from types import TracebackType
from typing import Self

COLLECT_EVERY_S = 10.0


class ManualGc:
    """Within its block garbage is collected by `collect` alone, at most every `COLLECT_EVERY_S`."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def __enter__(self) -> Self:
        gc.disable()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        gc.unfreeze()
        gc.enable()

    def collect(self, now_s: float) -> None:
        """Free cycles among what was created since the last collection, if it is time."""
        if now_s >= self._next_s:
            gc.collect()
            gc.freeze()
            self._next_s = now_s + COLLECT_EVERY_S
