"""Signals that are waited for, in place of handlers that interrupt."""

import os
import select
import signal
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Self


class Signals:
    """The signals that have come, in their order, while the context lasts.

    Args:
        numbers: of the signals; of a child's end (SIGCHLD) nothing is known but that there was one.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers

    def __enter__(self) -> Self:
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        self._before = {each: signal.signal(each, _noted) for each in self._numbers}
        self._wakeup = signal.set_wakeup_fd(self._wakes)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._woken)
        os.close(self._wakes)

    def wait(self, timeout_s: float) -> list[int]:
        """Wait for the next ones; none if none came in that time."""
        if not select.select([self._woken], [], [], timeout_s)[0]:
            return []
        return list(os.read(self._woken, 4096))


def _noted(number: int, frame: FrameType | None) -> None:
    """Handle a signal: the wake-up descriptor has told it already."""
