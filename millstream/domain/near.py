"""Faults of names, and hints at what is meant."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

Fault = tuple[str, str, Any]  # path, what was expected, what came


def near(name: Any, names: Collection[str]) -> str:
    """A hint at the one of `names` that is meant, or nothing.

    >>> near("lable", ["label", "value"])
    '; did you mean `label`?'
    """
    found = get_close_matches(str(name), names, 1)
    return f"; did you mean `{found[0]}`?" if found else ""
