"""Fields that the vocabulary does not have: most of them are misspelt."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from millstream.events import Impression, Interaction, ShownItem

# Enough to see what is wrong.
_MOST = 10
_LONGEST = 64


def unknown_fields(value: Any, kind: Any) -> dict[str, str | None]:
    """The paths of fields that an event of `kind` does not have, each with one that is meant.

    >>> from millstream.events import ItemUpsert
    >>> unknown_fields({"item_id": "a", "catagories": ["x"]}, ItemUpsert)
    {'$.catagories': 'categories'}
    """
    found: dict[str, str | None] = {}
    struct = _struct(value, kind)
    if struct is None:
        return found
    for path, names, fields in _levels(value, struct):
        for name in names:
            if name not in fields and len(found) < _MOST:
                found[f"{path}.{name}"] = meant(name, fields)
    return found


def meant(name: Any, fields: Collection[str]) -> str | None:
    """The one of `fields` that `name` is most like; None if it is like none."""
    return next(iter(get_close_matches(str(name)[:_LONGEST], fields, 1)), None)


def without(value: Any, kind: Any) -> Any:
    """`value` without the fields that an event of `kind` does not have."""
    struct = _struct(value, kind)
    if struct is None:
        return value
    kept = _kept(value, _fields(struct))
    if struct is Impression and isinstance(kept.get("items"), list):
        kept["items"] = [_kept(item, _fields(ShownItem)) for item in kept["items"]]
    return kept


def _levels(value: Any, struct: Any) -> Iterator[tuple[str, Collection[str], Collection[str]]]:
    """(path, names that are there, names that may be) of the event and of the items of a list."""
    yield "$", value, _fields(struct)
    items = value.get("items") if struct is Impression else None
    if isinstance(items, list):
        for place, item in enumerate(items):
            if isinstance(item, Mapping):
                yield f"$.items[{place}]", item, _fields(ShownItem)


def _struct(value: Any, kind: Any) -> Any:
    """The struct that `value` is to become; None where that cannot be told."""
    if not isinstance(value, Mapping):
        return None
    kinds = get_args(kind) or (kind,)
    default = kind.__struct_config__.tag if len(kinds) == 1 else None
    tag = value.get("type", default)
    return next((each for each in kinds if each.__struct_config__.tag == tag), None)


def _fields(struct: Any) -> Collection[str]:
    tag = (struct.__struct_config__.tag_field,) if struct.__struct_config__.tag else ()
    session = ("session_id",) if struct in (Interaction, Impression) else ()
    return (*struct.__struct_fields__, *tag, *session)


def _kept(value: Any, fields: Collection[str]) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: each for name, each in value.items() if name in fields}
