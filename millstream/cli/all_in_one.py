"""`millstream serve --all-in-one`: a whole installation in one folder, without Kafka and Redis.

The process that is started answers requests and takes events; beside it a child of its own makes
features and learns, so that neither waits for the other, and TensorFlow is in memory once: networks
are built in the child and run in NumPy here (`serving.model.program_files`). Both meet on the
embedded log and store, and on snapshots. The child ends when its parent does, however that ends,
and is started again when it fails.

    DIR/log/         the topics          DIR/offline/     feature rows
    DIR/store.sqlite state and features  DIR/snapshots/   what was learnt
    DIR/programs/    compiled networks
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from millstream.errors import ConfigurationError, MillstreamError
from millstream.settings import Settings, settings

if TYPE_CHECKING:
    from millstream.embedded.log import EmbeddedLog

log = logging.getLogger(__name__)

LOG, STORE, PROGRAMS = "log", "store.sqlite", "programs"
# How long the child may take to end, and to wait for one before it that is still ending.
GRACE_S = 20.0
# What ids and open lists may take: 765 events/s, and 32 lists/s of 5 kB.
_MEMORY_MIB = {"dedupe_memory_mb": 96, "join_memory_mb": 160}
_VARIABLE = "MILLSTREAM_DATA_DIR"
_ONE_THREAD = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class LearnerEnded(MillstreamError):
    """The child process ended without being asked to."""


def box(folder: Path) -> Settings:
    """The settings of an installation in a folder: less memory, unless they say how much."""
    own = settings()
    less = {name: mib for name, mib in _MEMORY_MIB.items() if name not in own.model_fields_set}
    return own.model_copy(update={"data_dir": folder, "limits_in": "memory", **less})


def serve_folder(folder: Path) -> None:
    """Serve, and learn, until told to end.

    Raises:
        ConfigurationError: another process serves the folder.
    """
    os.environ[_VARIABLE] = str(folder)  # the child finds it there
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    from millstream.embedded.commands import EmbeddedCommands
    from millstream.embedded.log import EmbeddedLog
    from millstream.embedded.store import open_store
    from serving.embedded import EmbeddedBroker
    from serving.main import run
    from serving.model.program_files import FromFiles
    from serving.wiring import ServingWorker

    chosen = box(folder)
    with locked(folder / "serving.lock", wait_s=0.0):
        own_log = EmbeddedLog(folder / LOG)
        store = EmbeddedCommands(open_store(folder / STORE, chosen.topic_prefix))
        broker = EmbeddedBroker(chosen, own_log)
        run(
            ServingWorker(
                chosen,
                broker=broker,
                store=store,
                builder=FromFiles(folder / PROGRAMS),
                beside={"learner": keep_learner},
            )
        )
        own_log.close()


async def keep_learner() -> None:
    """Run the child until cancelled.

    Raises:
        LearnerEnded: it ended before.
    """
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is told to the parent alone
    )
    try:
        raise LearnerEnded(f"The learning process ended with status {await child.wait()}.")
    finally:
        if child.returncode is None:
            assert child.stdin is not None
            child.stdin.close()  # it ends by itself then
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE_S):
                    await child.wait()
            if child.returncode is None:
                child.kill()


def learn_folder(folder: Path) -> int:
    """Make features and learn until standard input ends or a signal comes; the exit status."""
    from millstream import logs
    from millstream.embedded.log import EmbeddedLog
    from millstream.embedded.store import open_store
    from stream.embedded.main import run

    chosen = box(folder)
    logs.configure(chosen.log_level, chosen.log_style)
    end, failed = threading.Event(), threading.Event()
    with locked(folder / "learner.lock", wait_s=2 * GRACE_S):
        own_log = EmbeddedLog(folder / LOG)
        store = open_store(folder / STORE, chosen.topic_prefix)

        def part(name: str, work: Callable[[], object]) -> threading.Thread:
            def until_end() -> None:
                try:
                    work()
                except Exception:
                    log.exception("Part %s failed: the process ends.", name)
                    failed.set()
                    os.kill(os.getpid(), signal.SIGTERM)

            return threading.Thread(target=until_end, name=name)

        parts = [
            part("stream", lambda: run(chosen, own_log, store, end)),
            part("programs", lambda: _build_programs(folder / PROGRAMS, end)),
        ]
        for each in parts:
            each.start()
        try:
            _train(chosen, own_log)
        finally:
            end.set()
            for each in parts:
                each.join()
            store.close()
            own_log.close()
    return int(failed.is_set())


def _train(chosen: Settings, own_log: "EmbeddedLog") -> None:
    from online_trainer.embedded import EmbeddedTrainerLog
    from online_trainer.main import main

    main(chosen, examples_log=EmbeddedTrainerLog(own_log))


def _build_programs(folder: Path, end: threading.Event) -> None:
    """Build the networks that are asked for, until the end."""
    from serving.model.program_files import LOOKS_EVERY_S, answer_requests

    while not end.wait(LOOKS_EVERY_S):
        answer_requests(folder)


@contextlib.contextmanager
def locked(path: Path, wait_s: float) -> Iterator[None]:
    """A lock of one process, which ends with the process at the latest.

    Raises:
        ConfigurationError: another one has it, and did not give it back in time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + wait_s
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise ConfigurationError(
                        f"Each folder must have one process. Another one holds {path}."
                    ) from error
                time.sleep(0.1)
        yield


def _end_with_parent() -> None:
    """End as if told to once standard input ends: the parent has it open as long as it lives."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """The child process."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    sys.exit(learn_folder(Path(os.environ[_VARIABLE])))


if __name__ == "__main__":
    main()
