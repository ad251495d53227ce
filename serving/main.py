"""The process: one event loop, one worker; or the parent of several."""

import gc
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

# Before TensorFlow is loaded: its start-up notes are for its developers.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from millstream import logs
from millstream.settings import Settings, read_settings
from millstream.threads import one_blas_thread
from serving.http import server
from serving.http.app import create_app
from serving.http.schemas import ReadyAnswer
from serving.security.access import access_from_settings
from serving.wiring import ServingWorker
from serving.workers.parent import Parent
from serving.workers.siblings import Siblings, ask_once, asked


def main(settings: Settings) -> None:
    """Serve until told to end; requests that are on their way are finished."""
    _import_networks()
    run(ServingWorker(settings))


def run(worker: ServingWorker, port: server.Port | None = None) -> None:
    """Serve with a worker until told to end.

    Args:
        port: that it shares with others; None opens one of its own.
    """
    settings = worker.settings
    _log_as_told(settings)
    one_blas_thread()
    # A snapshot loads in a thread; by default that may keep the event loop waiting 5 ms at a time.
    sys.setswitchinterval(0.001)
    server.run(create_app(worker), settings, port)


def run_workers(settings: Settings, count: int) -> int:
    """Serve with so many processes behind one port until told to end; the exit status.

    Args:
        settings: of the port; each worker reads its own when it begins.

    Raises:
        ConfigurationError: the settings cannot work, or the port is taken.
    """
    _log_as_told(settings)
    access_from_settings(settings)  # what cannot work is said once, and not by each of them
    with server.opened(settings) as port, tempfile.TemporaryDirectory(prefix="millstream-") as name:
        _import_networks()
        gc.collect()
        gc.freeze()  # what all of them share is looked at, and so copied, by no collection
        folder = Path(name)

        def serve(number: int) -> None:
            now = read_settings()
            run(ServingWorker(now, siblings=Siblings(folder, number, count)), port)

        return Parent(
            count,
            serve,
            is_listening=lambda number: asked(folder, number).exists(),
            is_ready=partial(_is_ready, folder),
        ).run()


def _is_ready(folder: Path, number: int) -> bool:
    answer = ask_once(folder, number, "ready")
    return bool(answer) and ReadyAnswer.model_validate_json(answer).ready


def _import_networks() -> None:
    """Import TensorFlow: seconds, before there are requests that would wait for it."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras  # noqa: F401


def _log_as_told(settings: Settings) -> None:
    # The feeds say themselves, and not a hundred times, that the broker is gone.
    logs.configure(settings.log_level, settings.log_style, libraries="CRITICAL")
