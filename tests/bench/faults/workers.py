"""Worker processes that are started again when they end, as an orchestrator would."""

import threading
from collections import Counter

from deploy.local import Process
from tests.support.installation import Installation

WATCH_S = 0.2
START_S = 120.0


class Kept:
    """The workers of one installation.

    Args:
        restarts: how often each has been started again, by its name.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._commands: dict[str, tuple[tuple[str, ...], int]] = {}
        self._running: dict[str, Process] = {}
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self.restarts: Counter[str] = Counter()

    def start(self, name: str, *command: str, stream_port: int = 0) -> None:
        """Start `millstream COMMAND` and keep it running.

        Args:
            stream_port: of the stream worker's metrics.
        """
        with self._lock:
            self._commands[name] = command, stream_port
            self._run(name)
        if not self._watching.is_alive():
            self._watching.start()

    def __getitem__(self, name: str) -> Process:
        return self._running[name]

    def with_pid(self, pid: int) -> str | None:
        """The name of the worker with this process id."""
        return next((n for n, worker in self._running.items() if worker.pid == pid), None)

    def stop(self) -> None:
        """End all of them in order."""
        self._is_over.set()
        self._watching.join()
        for worker in self._running.values():
            worker.stop()

    def stop_one(self, name: str) -> None:
        """End one for good."""
        with self._lock:
            del self._commands[name]
            self._running[name].stop()

    def _run(self, name: str) -> None:
        command, stream_port = self._commands[name]
        if stream_port:
            self._installation.choose(stream_metrics_port=stream_port)
        self._running[name] = self._installation.run(*command)

    def _watch(self) -> None:
        while not self._is_over.wait(WATCH_S):
            with self._lock:
                for name in self._commands:
                    if not self._running[name].alive:
                        self._running[name].kill()
                        self.restarts[name] += 1
                        self._run(name)
