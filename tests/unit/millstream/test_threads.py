"""Threads of NumPy's products, in processes of their own: the limit holds for all of one."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import numpy, threadpoolctl
from millstream.threads import one_blas_thread
one_blas_thread()
print(*{each["num_threads"] for each in threadpoolctl.threadpool_info()})
"""


@pytest.mark.skipif(os.cpu_count() == 1, reason="there is one thread anyway")
@pytest.mark.parametrize(("chosen", "threads"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")])
def test_numpy_multiplies_in_one_thread_unless_it_is_told_otherwise(chosen, threads):
    plain = {name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name}
    command = [sys.executable, "-c", PROGRAM]
    output = subprocess.check_output(command, env=plain | chosen, text=True)
    assert output.split() == [threads]
