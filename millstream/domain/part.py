"""The frozen base of every part of a domain, and the types that parts share."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, StringConstraints

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?([smhd])")
_LONGEST_S = 100 * 365 * 86_400.0
MOST_NAMES = 64


class Part(BaseModel):
    """A table of the file; a key that nothing reads is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, json_schema_extra={"additionalProperties": False}
    )


def duration_s(value: Any) -> Any:
    """Seconds of a duration such as `30m`; a number is seconds already.

    >>> duration_s("30m"), duration_s("1.5h"), duration_s("7d"), duration_s(90)
    (1800.0, 5400.0, 604800.0, 90.0)

    Raises:
        ValueError: it is neither, not above 0, or above 100 years.
    """
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found:
        seconds = float(found[1]) * _UNITS_S[found[2]]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise ValueError('a duration such as "90s", "30m", "1h" or "7d", or a number of seconds')
    if not 0 < seconds <= _LONGEST_S:
        raise ValueError("above 0 seconds and at most 100 years")
    return seconds


def duration_text(seconds: float) -> str:
    """Seconds as a file would say them.

    >>> duration_text(5_400.0), duration_text(604_800.0), duration_text(0.5)
    ('90m', '7d', '0.5s')
    """
    unit = next((u for u in "dhm" if seconds >= _UNITS_S[u] and seconds % _UNITS_S[u] == 0), "s")
    return f"{seconds / _UNITS_S[unit]:g}{unit}"


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Kinds = Annotated[tuple[Name, ...], Strict(False), Field(min_length=1, max_length=MOST_NAMES)]
# A feature or an attribute, by entity: `item.categories`.
Reference = Annotated[str, StringConstraints(pattern=r"^(user|item)\.[a-z][a-z0-9_]{0,47}$")]
# An object of a Python module in the project's folder.
OwnName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
Seconds = Annotated[
    float,
    BeforeValidator(
        duration_s,
        json_schema_input_type=Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)? ?[smhd]$")]
        | Annotated[float, Field(gt=0)],
    ),
]
