"""Python of a project: objects by `module:object` from the project's folder."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from millstream.errors import ConfigurationError


def load(name: str, folder: Path) -> Any:
    """The object `module:object`, its module found in the project's folder first.

    Raises:
        ConfigurationError: the module cannot be imported, or has no such object; the message says
            why.
    """
    module, _, attribute = name.partition(":")
    place = str(folder.resolve())
    if place not in sys.path:
        sys.path.insert(0, place)
    try:
        found = import_module(module)
    except Exception as error:  # it is not ours: whatever it raises is why it cannot be had
        raise ConfigurationError(
            f"{name!r} must be an object of a module in {place}. Received: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not hasattr(found, attribute):
        raise ConfigurationError(
            f"{name!r} must be an object of a module in {place}. Received: a module without "
            f"{attribute!r}."
        )
    return getattr(found, attribute)
