"""What every system test begins with."""

from collections.abc import Iterator

import pytest

from tests.support.installation import Installation


@pytest.fixture(scope="session", autouse=True)
def _workers_are_forked() -> Iterator[None]:
    """Imports are paid once; `test_loop.py` and `test_documents.py` start workers as people do."""
    Installation.forks = True
    yield
    Installation.forks = False
