"""Options of builders as a person writes them, `name=value`."""

from ast import literal_eval
from collections.abc import Iterable, Sequence
from typing import Any

from millstream.errors import ConfigurationError
from models.entry import Entry


def options_of(texts: Iterable[str], entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """The options that each model takes, by its name; a model that has no such option goes without.

    Raises:
        ConfigurationError: no model has the option, or the text is not `name=value`.
    """
    out: dict[str, dict[str, Any]] = {entry.name: {} for entry in entries}
    defaults = {entry.name: entry.defaults() for entry in entries}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigurationError(f"`option` must be NAME=VALUE. Received: {text!r}.")
        takers = [model for model, known in defaults.items() if name in known]
        if not takers:
            known = sorted({each for options in defaults.values() for each in options})
            raise ConfigurationError(f"`option` must be one of {known}. Received: {name!r}.")
        for model in takers:
            out[model][name] = parsed(value, defaults[model][name])
    return out


def parsed(text: str, default: Any = None) -> Any:
    """The value: a Python literal, else the text itself.

    Where the default is a sequence, so is the value; where it is a bool, `true` and `false` are.

    >>> parsed("0.5"), parsed("stacked"), parsed("None"), parsed("400,400", (256, 128))
    (0.5, 'stacked', None, (400, 400))
    >>> parsed("400", (256, 128)), parsed("", (256, 128))
    ((400,), ())
    >>> parsed("false", True), parsed("true", False), parsed("False")
    (False, True, False)
    """
    if isinstance(default, bool) and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if isinstance(default, (tuple, list)) and not isinstance(value, (tuple, list)):
        return () if value == "" else (value,)
    return value
