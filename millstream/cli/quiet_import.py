"""Quiet import of TensorFlow: its C++ part writes nothing to standard error."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from millstream.threads import one_blas_thread

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def one_thread_each() -> None:
    """Before TensorFlow's first work: one thread each, NumPy too, so that sums are the same."""
    one_blas_thread()
    for name in _THREADS:
        os.environ.setdefault(name, "1")


def import_keras_quietly() -> None:
    """Load Keras and TensorFlow; what goes wrong is still an exception."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_standard_error():
        import keras  # noqa: F401


@contextmanager
def _quiet_standard_error() -> Iterator[None]:
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
