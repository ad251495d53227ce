"""One program with its log, its end, and an error that shows why it did not come up."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

SUPERVISOR = Path(__file__).with_name("supervisor.py")
POLL_S = 0.02


class ServiceError(RuntimeError):
    """A service that is not there, or did not come up."""


class Process:
    """A program that runs until `stop`, `kill`, or the end of this process (even by SIGKILL).

    Args:
        name: for messages.
        command: program and arguments.
        log: file that its output is appended to.
        env: added to this process's environment.
        cwd: its working folder.
        grace_s: seconds between SIGTERM and SIGKILL.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        grace_s: float = 10.0,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self._env = dict(env or {})
        self._cwd = cwd
        self._grace_s = grace_s
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    def start(self, ready: Callable[[], bool] | None = None, timeout_s: float = 60.0) -> "Process":
        """Start it and wait until `ready()` holds.

        Raises:
            ServiceError: it ended, or was not ready in time; with the tail of its log.
        """
        if self.alive:
            raise ServiceError(f"`{self.name}` is already running. Received: a second start().")
        self.stop()  # lets go of the one before
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-IS", str(SUPERVISOR), str(self._grace_s), *self.command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env={**os.environ, **self._env},
                cwd=self._cwd,
                start_new_session=True,
            )
        self._pid = self._read_pid()
        if ready is not None:
            self.wait_until(ready, timeout_s)
        return self

    @property
    def pid(self) -> int:
        """The program's own process id (not the supervisor's)."""
        if self._pid is None:
            raise ServiceError(f"`{self.name}` has not been started.")
        return self._pid

    @property
    def alive(self) -> bool:
        """True if it runs."""
        return self._supervisor is not None and self._supervisor.poll() is None

    @property
    def returncode(self) -> int | None:
        """How it ended: its exit code, 128 + n for signal n; None while it runs."""
        return None if self._supervisor is None else self._supervisor.poll()

    def wait(self, timeout_s: float) -> int:
        """Wait for it to end by itself; its exit code.

        Raises:
            ServiceError: it still runs after `timeout_s` seconds.
        """
        assert self._supervisor is not None
        try:
            code = self._supervisor.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise self._error(f"still runs after {timeout_s:g} s") from None
        self.stop()
        return code

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after the grace; returns when it has ended."""
        if self._supervisor is None:
            return
        assert self._supervisor.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._supervisor.stdin.close()
        self._supervisor.wait()

    def kill(self) -> None:
        """SIGKILL, at once, as a crash would: nothing gets flushed or handed over."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.stop()

    def log_tail(self, lines: int = 25) -> str:
        """The last lines of its output."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _read_pid(self) -> int:
        assert self._supervisor is not None and self._supervisor.stdout is not None
        with self._supervisor.stdout as pipe:
            line = pipe.readline()
        if not line:
            self.stop()
            raise self._error("could not be started")
        return int(line)

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `ready()` holds.

        Raises:
            ServiceError: it ended, or was not ready in time; with the tail of its log.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.alive:
                self.stop()
                raise self._error(f"ended with code {self.returncode} before it was ready")
            if time.monotonic() > deadline:
                self.kill()
                raise self._error(f"was not ready within {timeout_s:g} s")
            time.sleep(POLL_S)

    def _error(self, what: str) -> ServiceError:
        return ServiceError(
            f"`{self.name}` {what}.\n  command: {' '.join(self.command)}\n"
            f"  log: {self.log}; its last lines:\n{self.log_tail()}"
        )
