"""Threads of which the first that is free takes the work, so that its caches are warm.

The threads of `ThreadPoolExecutor` take turns: weights, vectors and tables, some megabytes a list,
then come from the memory of another core each time.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any, NamedTuple


class _Work(NamedTuple):
    future: Future[Any]
    call: Callable[[], Any]

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.call()
        except BaseException as error:  # it is for who waits for the future
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class WarmThreads(Executor):
    """At most so many threads; what finds none free waits for the next that is, in its order.

    Args:
        count: of threads.
        name: they are called after.
    """

    def __init__(self, count: int, name: str) -> None:
        self._threads = [ThreadPoolExecutor(1, f"{name}-{place}") for place in range(count)]
        self._free = set(range(count))
        self._waiting: deque[_Work] = deque()
        self._lock = Lock()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See `Executor.submit`."""
        work = _Work(Future(), partial(fn, *args, **kwargs))
        with self._lock:
            if not self._free:
                self._waiting.append(work)
                return work.future
            place = min(self._free)
            self._threads[place].submit(self._run, place, work)
            self._free.remove(place)
        return work.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See `Executor.shutdown`."""
        if cancel_futures:
            with self._lock:
                waiting, self._waiting = self._waiting, deque()
            for work in waiting:
                work.future.cancel()
        for thread in self._threads:
            thread.shutdown(wait)

    def _run(self, place: int, work: _Work) -> None:
        """Work until nothing waits."""
        while True:
            work.run()
            with self._lock:
                if not self._waiting:
                    self._free.add(place)
                    return
                work = self._waiting.popleft()
