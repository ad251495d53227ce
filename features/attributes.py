"""Attributes of an item or a user by the catalogue and the accounts, as of a time.

A feature of the views `item_attributes` and `user_attributes` is read from the upsert's attribute
of its name without the entity (`user_age` from `age`), or from its field (`title`) where
the domain gives it that role.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from features import upserts
from features.feature import Feature, View
from features.spec import (
    ATTRIBUTES,
    CREATED,
    GROUPS,
    ITEM_ATTRIBUTES,
    TITLE,
    USER_ATTRIBUTES,
    features_of,
)
from features.upserts import supersedes
from millstream.errors import InvalidEvent, shown
from millstream.events import MAX_FLOAT32, ItemUpsert, UserUpsert
from millstream.lenient import unix_seconds

MAX_FLOAT64 = float(np.finfo(np.float64).max)

# Versions of one entity's attributes that are kept, so that an event gets those of its own time.
MAX_VERSIONS = 4


class AttributeVersion(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An entity's attributes from `time` on.

    Args:
        values: by the features' names; what is missing has its default.
        hidden: not to be recommended.
        event_id: of the upsert.
        deleted: from then on there is no such entity.
    """

    time: float
    values: dict[str, Any]
    hidden: bool = False
    event_id: str = ""
    deleted: bool = False


Versions = tuple[AttributeVersion, ...]

NOTHING = AttributeVersion(0.0, {})

# The features of each view, and the attributes that they are read from.
_NAMES = {
    view.name: [(f, f.name.removeprefix(f"{view.entity}_")) for f in features_of(view)]
    for view in (ITEM_ATTRIBUTES, USER_ATTRIBUTES)
}


def item_version(upsert: ItemUpsert) -> AttributeVersion:
    """Attribute version of one item upsert.

    Raises:
        InvalidEvent: an attribute is not of its feature's type.
    """
    own = {
        TITLE: upsert.title,
        GROUPS: upsert.categories,
        CREATED: upsert.created_at or upsert.event_time,
    }
    return AttributeVersion(
        upsert.event_time,
        _values(ITEM_ATTRIBUTES, upsert.attributes, own),
        upsert.hidden,
        upsert.event_id,
    )


def user_version(upsert: UserUpsert) -> AttributeVersion:
    """Attribute version of one user upsert.

    Raises:
        InvalidEvent: an attribute is not of its feature's type.
    """
    values = _values(USER_ATTRIBUTES, upsert.attributes, {})
    return AttributeVersion(upsert.event_time, values, event_id=upsert.event_id)


def with_version(versions: Versions, version: AttributeVersion) -> Versions:
    """`versions`, oldest first, with one more in its place.

    Of those of one instant one holds (`features.upserts.supersedes`), and an upsert that comes
    again is none, whatever it says now.
    """
    same = next((other for other in versions if other.time == version.time), None)
    is_again = any(version.event_id and other.event_id == version.event_id for other in versions)
    if is_again or (same and not supersedes(_upsert(version), _upsert(same))):
        return versions
    kept = [other for other in versions if other is not same]
    return tuple(sorted([*kept, version], key=lambda v: v.time)[-MAX_VERSIONS:])


def _upsert(version: AttributeVersion) -> upserts.UpsertVersion:
    return upserts.UpsertVersion(version.time, version.event_id)


def version_at(versions: Versions, time_s: float) -> AttributeVersion:
    """The version that holds at `time_s`."""
    for version in versions[::-1]:
        if version.time <= time_s:
            return version
    return NOTHING


def newest(versions: Versions) -> AttributeVersion:
    """The version that holds now."""
    return versions[-1] if versions else NOTHING


def coerced(feature: Feature, value: Any, path: str) -> Any:
    """`value` as `feature` stores it: numbers from their text, text from numbers, lists cut.

    Raises:
        InvalidEvent: that cannot be done; the path is `path`.
    """
    attribute = ATTRIBUTES.get(feature.name)
    try:
        if attribute is not None and attribute.type == "vector":
            return _vector(value, attribute.size)
        if attribute is not None and attribute.type in _TYPED:
            return _TYPED[attribute.type](value)
        if feature.dtype == "string":
            return _text(value, feature.max_characters)
        if feature.dtype == "string_list":
            most = feature.max_characters
            return [_text(entry, most) for entry in _listed(value)[: feature.length]]
        if feature.dtype in ("float32_list", "float64_list"):
            kind = feature.dtype.removesuffix("_list")
            return [_number(entry, kind) for entry in _listed(value)[: feature.length]]
        return _integer(value) if feature.dtype == "int64" else _number(value, feature.dtype)
    except (TypeError, ValueError, OverflowError):
        raise InvalidEvent(
            f"Expected {_expected(feature)} for feature {feature.name!r}. "
            f"Received: {_received(feature, value)}",
            path,
        ) from None


def _values(view: View, attributes: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    values = {}
    for feature, attribute in _NAMES[view.name]:
        value = attributes.get(attribute, own.get(feature.name))
        if feature.dtype == "string_list" and isinstance(value, str):
            value = [value]
        if value is not None:
            values[feature.name] = coerced(feature, value, f"$.attributes.{attribute}")
    return values


def _number(value: Any, dtype: str) -> float:
    """A number that its column can hold; beyond its range it would be infinite there."""
    number = float(value)
    if not abs(number) <= (MAX_FLOAT32 if dtype == "float32" else MAX_FLOAT64):
        raise ValueError("not a finite number")
    return number


def _integer(value: Any) -> int:
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError("not a 64-bit integer")
    return number


def _text(value: Any, most: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("not a text")
    whole = isinstance(value, float) and value.is_integer()
    text = str(int(value)) if whole else str(value)
    if len(text) > most:
        raise ValueError("too long a text")
    return text


def _vector(value: Any, size: int) -> list[float]:
    """As many finite float32 as it has, neither more nor fewer."""
    numbers = _listed(value)
    if len(numbers) != size or any(isinstance(each, str | bool) for each in numbers):
        raise ValueError("not a vector of that size")
    return [_number(each, "float32") for each in numbers]


def _truth(value: Any) -> int:
    """1 for true, 0 for false; they are what a column of it holds, too."""
    if value in (True, False) and not isinstance(value, str):
        return int(value)
    raise ValueError("neither true nor false")


def _moment(value: Any) -> float:
    """A time as Unix seconds: a number, or the text of one, or RFC 3339."""
    try:
        return _number(value, "float64")
    except ValueError:
        pass
    try:
        return _number(unix_seconds(value), "float64")
    except InvalidEvent as error:
        raise ValueError(error.reason) from error


# Attributes that are more than their column's type says.
_TYPED: dict[str, Callable[[Any], Any]] = {"bool": _truth, "time": _moment}


def _received(feature: Feature, value: Any) -> str:
    """`value` for an error text; of a sensitive attribute only its type."""
    attribute = ATTRIBUTES.get(feature.name)
    if attribute is not None and attribute.sensitive:
        return f"a {type(value).__name__}, which is sensitive"
    return shown(value)


def _expected(feature: Feature) -> str:
    attribute = ATTRIBUTES.get(feature.name)
    if attribute is not None and attribute.type == "bool":
        return "true or false"
    if attribute is not None and attribute.type == "vector":
        return f"{attribute.size} finite float32"
    if attribute is not None and attribute.type == "time":
        return "Unix seconds or an RFC 3339 time"
    if feature.dtype in ("string", "string_list"):
        return f"{feature.dtype} of at most {feature.max_characters} characters"
    return "a finite float32" if feature.dtype == "float32" else feature.dtype


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError("not a list")
    return list(value)
