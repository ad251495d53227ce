"""The space of a search: what may vary, and between what."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from millstream.errors import ConfigurationError
from models.evaluation.options import parsed

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

_RANGE = re.compile(r"(?P<low>[^|]+?)\.\.(?P<high>[^|:]+)(?P<log>:log)?")


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones where both bounds are.

    Args:
        log: whether equal factors are equally likely, rather than equal differences.
    """

    low: float
    high: float
    log: bool = False

    @property
    def is_whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def suggest(self, trial: "BaseTrial", name: str) -> Any:
        """The value of this trial."""
        if self.is_whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Args:
        texts: as they were written, in that order.
        values: what each stands for.
    """

    texts: tuple[str, ...]
    values: tuple[Any, ...]

    def suggest(self, trial: "BaseTrial", name: str) -> Any:
        """The value of this trial; the study knows it by its text, as it may be a list."""
        return self.values[self.texts.index(trial.suggest_categorical(name, self.texts))]


Space = Mapping[str, Range | Choice]


def space_of(texts: Iterable[str], known: Mapping[str, Any]) -> dict[str, Range | Choice]:
    """What varies, by name.

    Args:
        texts: `NAME=LOW..HIGH`, `NAME=LOW..HIGH:log` or `NAME=A|B|...`.
        known: names that may vary, with a value of the kind that each takes.

    >>> space_of(["rate=1e-4..1e-2:log", "depth=1..4", "hidden=64,64|128"], dict.fromkeys(
    ...     ("rate", "depth"), 0) | {"hidden": (64,)})["hidden"].values
    ((64, 64), (128,))

    Raises:
        ConfigurationError: a text is none of these, or no such name.
    """
    space = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not values:
            raise ConfigurationError(
                f"--search expects NAME=LOW..HIGH[:log] or NAME=A|B|.... Received: {text!r}."
            )
        if name not in known:
            raise ConfigurationError(
                f"--search expects one of {sorted(known)}. Received: {name!r}."
            )
        if name in space:
            raise ConfigurationError(f"--search expects each name once. Received: {name!r} twice.")
        space[name] = _dimension(text, values, known[name])
    if not space:
        raise ConfigurationError("--search expects something that varies. Received: nothing.")
    return space


def suggested(space: Space, trial: "BaseTrial") -> dict[str, Any]:
    """The values of a trial, by name."""
    return {name: dimension.suggest(trial, name) for name, dimension in space.items()}


def _dimension(text: str, values: str, default: Any) -> Range | Choice:
    if found := _RANGE.fullmatch(values):
        low, high = parsed(found["low"]), parsed(found["high"])
        numbers = all(type(each) in (int, float) for each in (low, high))
        if not numbers or low >= high or (found["log"] and low <= 0):
            raise ConfigurationError(
                f"--search expects two numbers, the lower first, above 0 with :log. "
                f"Received: {text!r}."
            )
        return Range(low, high, bool(found["log"]))
    texts = tuple(values.split("|"))
    if len(texts) < 2 or len(set(texts)) < len(texts):
        raise ConfigurationError(
            f"--search expects two or more different values. Received: {text!r}."
        )
    choice = Choice(texts, tuple(parsed(each, default) for each in texts))
    if None in choice.values and default is not None:
        raise ConfigurationError(f"--search expects no None here. Received: {text!r}.")
    return choice
