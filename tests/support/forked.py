"""Commands as processes that are forked, not started: see `tests.support.fork_server`."""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from deploy.local.process import Process, ServiceError

ROOT = Path(__file__).parents[2]
IMPORTS_S = 600.0  # seconds of CPU time, on a machine that may have other work


class Child:
    """A process that was forked.

    Args:
        pid: its process id, also that of its group.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None
        self._ended = threading.Event()

    def end(self, code: int) -> None:
        """Note how it ended: its exit code, 128 + n for signal n."""
        self.code = code if code >= 0 else 128 - code
        self._ended.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; whether it came."""
        return self._ended.wait(timeout_s)

    def signal(self, number: int) -> None:
        """Send a signal to its group, or to it alone where it has none yet."""
        with contextlib.suppress(ProcessLookupError):
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                if self.code is None:
                    os.kill(self.pid, number)


class ForkServer:
    """The server, and what it says of its children."""

    def __init__(self) -> None:
        own = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **own},
        )
        self._asking = threading.Lock()  # whoever asks gets the next one that begins
        self._began: SimpleQueue[Child | None] = SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def fork(self, **wanted: Any) -> Child:
        """One more process.

        Raises:
            ServiceError: the server has ended.
        """
        assert self._process.stdin is not None
        with self._asking:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
                self._process.stdin.flush()
            child = self._began.get(timeout=IMPORTS_S)
        if child is None:
            raise ServiceError("The server that forks commands has ended.")
        return child

    def close(self) -> None:
        """End it, and what it has forked."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        children: dict[int, Child] = {}
        for line in self._process.stdout:
            said = json.loads(line)
            if "began" in said:
                children[said["began"]] = Child(said["began"])
                self._began.put(children[said["began"]])
            else:
                children.pop(said["ended"]).end(said["code"])
        self._began.put(None)


@cache
def server() -> ForkServer:
    """The server of this process, which begins with the first command."""
    started = ForkServer()
    atexit.register(started.close)
    return started


def forked(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    **files: Path,
) -> Child:
    """Fork `millstream ARGUMENTS`.

    Args:
        environment: added to that of this process.
        folder: where it works; None is that of this process.
        **files: its `stdin`, `stdout` and `stderr`.
    """
    wanted = {"stdin": os.devnull} | {name: str(path) for name, path in files.items()}
    everything = {**os.environ, **environment}
    return server().fork(
        arguments=list(arguments),
        environment=everything,
        folder=str(folder or Path.cwd()),
        **wanted,
    )


class Forked(Process):
    """A `Process` whose command is the arguments of `millstream`."""

    _child: Child | None = None

    def start(self, ready: Callable[[], bool] | None = None, timeout_s: float = 60.0) -> "Forked":
        """Fork it and wait until `ready()` holds."""
        assert not self.alive
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._child = forked(self.command, self._env, stdout=self.log, stderr=self.log)
        self._pid = self._child.pid
        if ready is not None:
            self.wait_until(ready, timeout_s)
        return self

    @property
    def alive(self) -> bool:
        """True if it runs."""
        return self._child is not None and self._child.code is None

    @property
    def returncode(self) -> int | None:
        """How it ended: its exit code, 128 + n for signal n; None while it runs."""
        return None if self._child is None else self._child.code

    def wait(self, timeout_s: float) -> int:
        """Wait for it to end by itself; its exit code."""
        assert self._child is not None
        if not self._child.wait(timeout_s):
            raise self._error(f"still runs after {timeout_s:g} s")
        assert self._child.code is not None
        return self._child.code

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after the grace; returns when it has ended."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, at once, as a crash would: nothing gets flushed or handed over."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self._child is None:
            return
        self._child.signal(number)
        if not self._child.wait(self._grace_s):
            self._child.signal(signal.SIGKILL)
            self._child.wait(self._grace_s)
