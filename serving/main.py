"""The process: one event loop, one worker."""

import os
import sys

# Before TensorFlow is loaded: its start-up notes are for its developers.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from millstream import logs
from millstream.settings import Settings
from millstream.threads import one_blas_thread
from serving.http import server
from serving.http.app import create_app
from serving.wiring import ServingWorker


def main(settings: Settings) -> None:
    """Serve until told to end; requests that are on their way are finished."""
    import tensorflow as tf  # seconds, before there are requests that would wait for it

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras  # noqa: F401

    run(ServingWorker(settings))


def run(worker: ServingWorker) -> None:
    """Serve with a worker until told to end."""
    settings = worker.settings
    # The feeds say themselves, and not a hundred times, that the broker is gone.
    logs.configure(settings.log_level, settings.log_style, libraries="CRITICAL")
    one_blas_thread()
    # A snapshot loads in a thread; by default that may keep the event loop waiting 5 ms at a time.
    sys.setswitchinterval(0.001)
    server.run(create_app(worker), settings)
