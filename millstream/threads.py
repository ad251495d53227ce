"""Threads of a process's matrix products."""

import os

from threadpoolctl import threadpool_limits

_CHOSEN_BY = "OPENBLAS_NUM_THREADS"


def one_blas_thread() -> None:
    """Let NumPy multiply in one thread from now on, unless `OPENBLAS_NUM_THREADS` says otherwise.

    The products of a request or a batch are small: threads that share one spin and wait for each
    other more than they work. Sums are the same on every machine, too. The variable itself would
    have to be set before anything imports NumPy.
    """
    if _CHOSEN_BY not in os.environ:
        threadpool_limits(1, user_api="blas")
