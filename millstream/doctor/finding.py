"""One finding of the doctor."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad a finding is; also the exit code of `millstream doctor`."""

    OK = 0
    WARN = 1
    FAIL = 2


@dataclass(frozen=True)
class Finding:
    """Finding of a check.

    Args:
        part: of the installation: `Kafka`, `Redis`, ...
        text: what is so.
        remedy: what to do about it; empty where nothing is wrong.
    """

    level: Level
    part: str
    text: str
    remedy: str = ""


def ok(part: str, text: str) -> Finding:
    """Nothing is wrong."""
    return Finding(Level.OK, part, text)


def warn(part: str, text: str, remedy: str) -> Finding:
    """It works, and should be looked at."""
    return Finding(Level.WARN, part, text, remedy)


def fail(part: str, text: str, remedy: str) -> Finding:
    """It does not work, or loses what it should keep."""
    return Finding(Level.FAIL, part, text, remedy)


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the worst of them."""
    return max((finding.level for finding in findings), default=Level.OK)


def age(seconds: float) -> str:
    """A duration for people.

    >>> age(5), age(150), age(7_200), age(200_000)
    ('5 s', '2 min', '2 h', '2 d')
    """
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length or (seconds >= length and unit != "min"):
            return f"{int(seconds // length)} {unit}"
    return f"{seconds:.0f} s"
