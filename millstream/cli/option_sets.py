"""Options that several commands have."""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def option_set(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """A decorator that gives a command these options and arguments, in this order in its help."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
