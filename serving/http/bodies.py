"""JSON bodies to values, once for all routes.

msgspec decodes strictly. What it refuses is read once more, leniently, only to name the path of
what is wrong: half an emoji, which UTF-8 cannot hold, or a number that JSON does not have.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from serving.http.refusal import RefusedBody, path_of, reason_of

MAX_DEPTH = 32

Steps = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class DecodedBody:
    """Decoded JSON of a body, and its faults.

    Args:
        value: as JSON; only where there are faults may it hold what JSON does not.
        faults: the keys and indices that lead to what is wrong, and the reason.
    """

    value: Any
    faults: tuple[tuple[Steps, str], ...] = ()


class _Constant(float):
    """NaN and its like, which are no JSON."""


def read(body: bytes) -> DecodedBody:
    """The JSON in `body`, or what is wrong with it and where."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _diagnosed(body, error)
    return DecodedBody(None, (_too_deep(),)) if _is_deep(value) else DecodedBody(value)


def decoded(body: bytes) -> Any:
    """The JSON in `body`.

    Raises:
        RefusedBody: it is none, or is nested too deep, or has text that UTF-8 cannot hold.
    """
    found = read(body)
    if found.faults:
        raise RefusedBody([(path_of(steps), reason) for steps, reason in found.faults])
    return found.value


def validated(model: type[Model], body: bytes) -> Model:
    """The JSON in `body` as a request.

    Raises:
        RefusedBody: it is not such a request.
    """
    try:
        return model.model_validate(decoded(body))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        raise RefusedBody([(path_of(e["loc"]), reason_of(dict(e))) for e in found]) from error


def _diagnosed(body: bytes, error: Exception) -> DecodedBody:
    whole: Steps = ()
    try:
        value = json.loads(body, parse_constant=_Constant)
    except RecursionError:
        return DecodedBody(None, (_too_deep(),))
    except ValueError:
        return DecodedBody(None, ((whole, f"Expected JSON. Received: {error}."),))
    if _is_deep(value):
        return DecodedBody(None, (_too_deep(),))
    faults = tuple(_faults(value, whole)) or ((whole, f"Expected JSON. Received: {error}."),)
    return DecodedBody(value, faults)


def _faults(value: Any, steps: Steps) -> Iterator[tuple[Steps, str]]:
    """Faults of `value`, not nested deep: places that hold what JSON or UTF-8 cannot."""
    if isinstance(value, str) and not _is_text(value):
        yield steps, f"Expected text that UTF-8 can hold. Received: {value[:80]!a}."
    elif isinstance(value, float) and not math.isfinite(value):
        yield steps, f"Expected a finite number. Received: {value}."
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            yield from _faults(entry, (*steps, place))
    elif isinstance(value, dict):
        for name, entry in value.items():
            if _is_text(name):
                yield from _faults(entry, (*steps, name))
            else:
                yield steps, f"Expected names that UTF-8 can hold. Received: {name[:80]!a}."


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_deep(value: Any) -> bool:
    """True if lists and objects are nested more than `MAX_DEPTH` deep."""
    level = [value] if _is_nested(value) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
    return bool(level)


def _is_nested(value: Any) -> bool:
    return type(value) is dict or type(value) is list


def _too_deep() -> tuple[Steps, str]:
    return (), f"Expected JSON nested at most {MAX_DEPTH} deep. Received: more."
