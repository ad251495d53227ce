"""Features as the project's domain declares them, as objects of their families."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from features.families import (
    Affinity,
    Attribute,
    Count,
    Family,
    LastTime,
    Rate,
    Recent,
    Trend,
    UpdatedAt,
    ValueSum,
)
from features.feature import View
from millstream.domain import Domain, project_folder
from millstream.domain.features import AffinityFeature, OwnFeature
from millstream.errors import ConfigurationError
from millstream.own_code import load

# How a column holds each type of attribute: dtype and default.
_DTYPES: dict[str, tuple[Any, Any]] = {
    "string": ("string", ""),
    "strings": ("string_list", ()),
    "float": ("float32", 0.0),
    "int": ("int64", 0),
    "bool": ("int64", 0),
    "time": ("float64", 0.0),
    "vector": ("float32_list", ()),
}


def kept(domain: Domain, view: View) -> Iterator[Family]:
    """Features of a view other than attributes, in the order of the file."""
    yield UpdatedAt(f"{view.entity}_updated_at", view)
    for name, feature in domain.side(view.entity).features.items():
        column = f"{view.entity}_{name}"
        match feature.family:
            case "count":
                yield Count(column, view, of=feature.of, half_life_s=feature.half_life)
            case "recent":
                yield Recent(
                    column,
                    view,
                    length=feature.length,
                    kinds=feature.kinds or (),
                    times=f"{column}_times" if feature.times else "",
                )
            case "sum":
                kinds, half_life_s = feature.kinds or (), feature.half_life
                yield ValueSum(column, view, half_life_s=half_life_s, kinds=kinds)
            case "since":
                yield LastTime(column, view, kinds=feature.kinds)
            case "affinity":
                yield _affinity(domain, view, name, feature)
            case "rate":
                part, whole = (f"{view.entity}_{each}" for each in (feature.of, feature.over))
                yield Rate(column, view, part=part, whole=whole)
            case "trend":
                fast, slow = (f"{view.entity}_{each}" for each in (feature.fast, feature.slow))
                yield Trend(column, view, fast=fast, slow=slow)
            case "own":
                yield own_feature(column, view, feature, project_folder())


def attributes(domain: Domain, view: View) -> Iterator[Attribute]:
    """Attributes of a view, in the order of the file."""
    for name, attribute in domain.side(view.entity).attributes.items():
        dtype, default = _DTYPES[attribute.type]
        said = attribute.model_dump(
            include={"length", "scale", "table", "bounds", "max_characters"}
        )
        if attribute.type == "vector":
            said["length"] = attribute.size
        if attribute.type == "bool":
            said["bounds"] = (0.0, 1.0)
        if view.entity == "item" and name == domain.item.in_stock:
            default = 1  # where an upsert does not say
        yield Attribute(
            f"{view.entity}_{name}",
            view,
            dtype,
            default=default,
            encoding=None if attribute.encoding == "none" else attribute.encoding,
            **said,
        )


def own_feature(column: str, view: View, declared: OwnFeature, folder: Path) -> Family:
    """A feature by a class of the project's own.

    Args:
        folder: of the project.

    Raises:
        ConfigurationError: there is no such class, or it does not take these options.
    """
    made_by = load(declared.object, folder)
    if not (isinstance(made_by, type) and issubclass(made_by, Family)):
        raise ConfigurationError(
            f"{declared.object!r} must be a class that derives from "
            f"`features.families.OwnNumbers`. Received: {made_by!r}."
        )
    try:
        return made_by(column, view, **declared.options)
    except TypeError as error:
        raise ConfigurationError(
            f"`options` must be those of {declared.object}. Received: {error}."
        ) from error


def _affinity(domain: Domain, view: View, name: str, feature: AffinityFeature) -> Affinity:
    entry = feature.entry or name
    return Affinity(
        f"{view.entity}_{name}",
        view,
        to=feature.to.replace(".", "_", 1),
        top=feature.top,
        half_life_s=feature.half_life,
        table=None if feature.encoding == "none" else _table(domain, feature.to),
        events=f"{view.entity}_{entry}_events",
        positives=f"{view.entity}_{entry}_positives",
        depth=feature.depth,
        tracked=feature.tracked,
        fading=feature.fading,
        inputs=(f"{entry}_affinity", f"{entry}_familiarity"),
    )


def _table(domain: Domain, to: str) -> str:
    """The embedding table of a list's entries."""
    entity, _, name = to.partition(".")
    if entity == "user":
        return "item_id"
    return getattr(domain.item.attributes[name], "table", None) or f"item_{name}"
