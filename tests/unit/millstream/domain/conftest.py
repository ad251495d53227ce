"""A domain file as Python has it, to be spoilt."""

import tomllib
from typing import Any

import pytest

from millstream.domain.current import TEMPLATES


@pytest.fixture
def films() -> dict[str, Any]:
    """The template `films`."""
    return tomllib.loads((TEMPLATES / "films" / "domain.toml").read_text())
