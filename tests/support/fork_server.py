"""A process that has imported every command, and forks one when it is told to.

    python -m tests.support.fork_server

Starting a worker is seconds of imports, TensorFlow's first of all. A forked one has them behind it,
and is otherwise what `python -m millstream.cli` is: a process with an environment, arguments,
signals and an end of its own. `tests.support.forked` speaks with it: each line of JSON on standard
input asks for a process, and lines of JSON on standard output say which began and which ended. When
standard input ends, all of them end.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import sys
from collections.abc import Iterator
from typing import Any

from millstream import cli

PR_SET_PDEATHSIG = 1
WORKERS = ("stream.main", "online_trainer.main", "serving.main")


def main() -> None:
    """Serve; in a forked process, be the command that was asked for."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what an import prints is no answer
    for name in (*WORKERS, *(path.partition(":")[0] for path, _ in cli.COMMANDS.values())):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what all of them share is looked at, and so copied, by no collection
    wanted = Server(answers).run()
    if wanted is not None:
        become(wanted)
        cli.main()


class Server:
    """Forks on demand, and says so.

    Args:
        answers: the descriptor to say it on.
    """

    def __init__(self, answers: int) -> None:
        self._answers, self._running = answers, set[int]()
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)

    def run(self) -> dict[str, Any] | None:
        """Serve until standard input ends; what to become, in a process that was forked."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the starter's to handle
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes)
        for line in self._lines():
            pid = os.fork()
            if pid == 0:
                self._leave()
                return dict(json.loads(line))
            self._running.add(pid)
            self._answer(began=pid)
        for pid in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        return None

    def _lines(self) -> Iterator[bytes]:
        """What is asked for; between two lines the ended are reported."""
        begun = b""
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if self._woken in ready:
                    os.read(self._woken, 4096)
                    self._report()
                if 0 in ready:
                    heard = os.read(0, 65536)
                    if not heard:
                        return
                    *lines, begun = (begun + heard).split(b"\n")
                    yield from lines

    def _report(self) -> None:
        for pid in list(self._running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._running.remove(pid)
                with contextlib.suppress(ProcessLookupError):  # whatever it left behind
                    os.killpg(pid, signal.SIGKILL)
                self._answer(ended=pid, code=os.waitstatus_to_exitcode(status))

    def _answer(self, **said: int) -> None:
        os.write(self._answers, json.dumps(said).encode() + b"\n")

    def _leave(self) -> None:
        """Let go of what is the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for each in (self._answers, self._woken, self._wakes):
            os.close(each)


def become(wanted: dict[str, Any]) -> None:
    """Take the group, files, folder, environment and arguments that are asked for."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    writing = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, name, how in (
        (0, "stdin", os.O_RDONLY),
        (1, "stdout", writing),
        (2, "stderr", writing),
    ):
        opened = os.open(wanted[name], how, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as the interpreter has it
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    sys.argv = ["millstream", *wanted["arguments"]]


if __name__ == "__main__":
    main()
