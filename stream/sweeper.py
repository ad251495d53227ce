"""Garbage collection for a process with very many small, long-lived objects.

Python's collector looks at all of them again and again, though users and items die by reference
counts alone. So it is run by hand, over what is new since the last time, and what has outlived that
is never looked at again.
"""

import gc

SWEEP_EVERY_S = 1.0


class Sweeper:
    """Sweeps at most every `SWEEP_EVERY_S` seconds; from its creation on, nothing else does."""

    def __init__(self, now_s: float) -> None:
        gc.disable()
        gc.collect()
        gc.freeze()
        self._next_s = now_s + SWEEP_EVERY_S

    def sweep(self, now_s: float) -> None:
        """Free cycles among what was created since the last sweep, if it is time."""
        if now_s >= self._next_s:
            gc.collect()
            gc.freeze()
            self._next_s = now_s + SWEEP_EVERY_S
