"""The query's fields and the item's, out of one list."""

from collections.abc import Iterable

from millstream.errors import ConfigurationError
from models.fields import Field, checked

SIDES = {"query": ("user", "context"), "candidate": ("item",)}


def by_side(fields: Iterable[Field]) -> dict[str, tuple[Field, ...]]:
    """Fields of `user` and `context` for the query, those of `item` for the candidate.

    Those of `cross` need both sides and are left out.

    Raises:
        ConfigurationError: a field does not say what it belongs to, or a side has no field.
    """
    fields = checked(fields)
    if nowhere := [f.name for f in fields if f.belongs_to is None]:
        raise ConfigurationError(
            f"`belongs_to` of a retrieval model's field must be given. "
            f"Received: None for {nowhere}."
        )
    sides = {
        name: tuple(f for f in fields if f.belongs_to in owners) for name, owners in SIDES.items()
    }
    for name, part in sides.items():
        if not part:
            raise ConfigurationError(
                f"`fields` must have one that belongs to {' or '.join(SIDES[name])}, for the "
                f"{name} side. Received: {[f.name for f in fields]}."
            )
    return sides


def history_of(fields: Iterable[Field]) -> tuple[Field, Field]:
    """The user's list of items, newest first, and the id of the item whose table it uses.

    Raises:
        ConfigurationError: there is none, or more than one.
    """
    sides = by_side(fields)
    pairs = [
        (history, item)
        for item in sides["candidate"]
        if item.is_id and not item.is_list
        for history in sides["query"]
        if history.is_id and history.is_list and history.table == item.table
    ]
    if len(pairs) != 1:
        raise ConfigurationError(
            "`fields` must have one list of the user that shares the table of an item's id. "
            f"Received: {[history.name for history, _ in pairs]}."
        )
    return pairs[0]
