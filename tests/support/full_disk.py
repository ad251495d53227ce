"""A disk that takes no more: the kernel refuses, and nothing is faked."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_disk(at_bytes: int = 4096) -> Iterator[None]:
    """Within it no file of this process grows beyond `at_bytes`: writing ends in an error.

    Python ignores the signal that comes with it, so a write fails as it does on a full disk.
    """
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))
