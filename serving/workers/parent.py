"""The process that keeps N workers: it forks them, and forks anew those that end.

Everything is imported before the first fork: workers share what imports take of memory, and one
that takes another's place begins without them.

    SIGTERM, SIGINT: every worker finishes its requests and ends, then the parent does
    SIGHUP:          one worker after the other does so and is replaced, the next when that is ready

Where the parent is killed the workers finish their requests and end, so that a new one finds the
port free.
"""

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from serving.workers.signals import Signals

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_LOOK_S = 0.2  # how often is looked whether something is due
GRACE_S = 30.0  # for the requests of a worker that is to end
_ORDERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_FAILED = 1


@dataclass
class _Place:
    """One worker, or the pause before it is there again.

    Args:
        pid: None while there is none.
        begun_s: when it was forked.
        pause_s: before the next one is, if this one ends by itself.
        due_s: when the next one is forked.
        is_leaving: it was told to end.
    """

    pid: int | None = None
    begun_s: float = 0.0
    pause_s: float = _FIRST_PAUSE_S
    due_s: float = 0.0
    is_leaving: bool = False


@dataclass
class Parent:
    """Forks workers and keeps them.

    Args:
        count: of workers.
        serve: is one of them, by its number from 0, until it is told to end.
        is_listening: whether a worker has begun to work.
        is_ready: whether it answers requests as it should.
        grace_s: how long one that is to end may take, seconds.
    """

    count: int
    serve: Callable[[int], None]
    is_listening: Callable[[int], bool]
    is_ready: Callable[[int], bool]
    grace_s: float = GRACE_S
    _to_renew: deque[int] = field(default_factory=deque)
    _has_begun: bool = False

    def run(self) -> int:
        """Keep the workers until told to end; the exit status.

        It is 1 where a worker ended before any had begun to work: the next would do no better.
        """
        self._places = [_Place() for _ in range(self.count)]
        self._alive = os.pipe()  # a worker reads its end when the parent is no more
        with Signals(_ORDERS) as self._signals:
            status = self._keep()
            self._end()
        for descriptor in self._alive:
            os.close(descriptor)
        return status

    def _keep(self) -> int:
        while True:
            self._start()
            for number in self._signals.wait(_LOOK_S):
                if number in (signal.SIGTERM, signal.SIGINT):
                    return 0
                if number == signal.SIGHUP:
                    self._to_renew = deque(range(self.count))
            self._has_begun |= any(map(self.is_listening, range(self.count)))
            if self._reap() and not self._has_begun:
                _log.critical("A worker ended before any had begun to work.")
                return _FAILED
            self._renew()

    def _start(self) -> None:
        """Fork the workers that are due."""
        for number, place in enumerate(self._places):
            if place.pid is None and time.monotonic() >= place.due_s:
                # A signal to the new process must not be taken for one to this one.
                signal.pthread_sigmask(signal.SIG_BLOCK, _ORDERS)
                place.pid = os.fork() or self._become(number)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _ORDERS)
                place.begun_s, place.is_leaving = time.monotonic(), False

    def _become(self, number: int) -> NoReturn:
        status = _FAILED
        try:
            self._signals.__exit__(None, None, None)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ORDERS)
            os.close(self._alive[1])
            watch = threading.Thread(target=_end_with, args=(self._alive[0],), daemon=True)
            watch.start()
            self.serve(number)
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else _FAILED
        except KeyboardInterrupt:
            status = 0
        except BaseException:
            _log.exception("Worker %d ended.", number)
        finally:
            logging.shutdown()
            os._exit(status)

    def _reap(self) -> bool:
        """Take note of those that have ended; True if one did that was not told to."""
        found = False
        for number, place in enumerate(self._places):
            if place.pid is None:
                continue
            pid, status = os.waitpid(place.pid, os.WNOHANG)
            if not pid:
                continue
            now_s, place.pid = time.monotonic(), None
            if place.is_leaving:
                place.pause_s, place.due_s = _FIRST_PAUSE_S, now_s
                continue
            found = True
            if now_s - place.begun_s >= _LONGEST_PAUSE_S:
                place.pause_s = _FIRST_PAUSE_S
            place.due_s = now_s + place.pause_s
            place.pause_s = min(2 * place.pause_s, _LONGEST_PAUSE_S)
            _log.error(
                "Worker %d (process %d) ended with status %d; the next one starts.",
                number,
                pid,
                os.waitstatus_to_exitcode(status),
            )
        return found

    def _renew(self) -> None:
        """Let the next worker leave that is to be replaced, once all are ready."""
        if not self._to_renew or not all(map(self._is_sound, range(self.count))):
            return
        place = self._places[self._to_renew.popleft()]
        place.is_leaving = True
        self._tell(place, signal.SIGTERM)

    def _is_sound(self, number: int) -> bool:
        place = self._places[number]
        return place.pid is not None and not place.is_leaving and self.is_ready(number)

    def _end(self) -> None:
        """Let all finish their requests; those that do not within the grace are killed."""
        until_s = time.monotonic() + self.grace_s
        for place in self._places:
            place.is_leaving = True
            self._tell(place, signal.SIGTERM)
        while any(place.pid is not None for place in self._places):
            if time.monotonic() > until_s:
                for place in self._places:
                    self._tell(place, signal.SIGKILL)
            self._signals.wait(_LOOK_S)
            self._reap()

    @staticmethod
    def _tell(place: _Place, number: int) -> None:
        if place.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(place.pid, number)


def _end_with(alive: int) -> None:
    """End as if told to once the parent is no more."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
