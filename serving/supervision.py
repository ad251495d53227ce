"""Supervision of background tasks: no task of the process ends unseen.

A task that fails, or ends though it should go on for ever, is logged and counted, makes the worker
unready until it runs again, and is started anew after a pause that grows while it goes on failing.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from prometheus_client import Counter

_log = logging.getLogger(__name__)

Start = Callable[[], Coroutine[Any, Any, None]]


class Supervisor:
    """Starts tasks, and starts them anew.

    Args:
        failures: counts by the task's name.
        first_pause_s: before the first new start, seconds; it doubles with each failure.
        longest_pause_s: of all pauses. A task that has run for so long counts as sound again.
    """

    def __init__(
        self, failures: Counter, first_pause_s: float = 1.0, longest_pause_s: float = 30.0
    ) -> None:
        self._failures = failures
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._tasks: list[asyncio.Task[None]] = []
        self.down: set[str] = set()

    def start(self, name: str, run: Start, ends: bool = False) -> None:
        """Run a task until it is cancelled.

        Args:
            name: in metrics, logs and readiness.
            run: gives the coroutine; it is called once for each start.
            ends: the task has an end of its own, after which nothing is left to do.
        """
        self._failures.labels(name)
        self._tasks.append(asyncio.create_task(self._kept(name, run, ends), name=name))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Cancels all tasks at the end, and waits for them."""
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _kept(self, name: str, run: Start, ends: bool) -> None:
        pause_s = self._first_pause_s
        while True:
            self.down.discard(name)
            begun = time.monotonic()
            error: Exception | None = None
            try:
                await run()
            except Exception as raised:  # whatever it was, the task must run again
                error = raised
            if error is None and ends:
                return
            self.down.add(name)
            self._failures.labels(name).inc()
            if time.monotonic() - begun >= self._longest_pause_s:
                pause_s = self._first_pause_s
            _log.critical("Task %s ended; it starts again in %g s.", name, pause_s, exc_info=error)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self._longest_pause_s)
