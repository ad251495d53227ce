"""Segments: what figures are divided by, an attribute of the user, the item or the moment."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from millstream.domain import domain
from millstream.errors import ConfigurationError
from millstream.events import ItemUpsert, UserUpsert
from simulation.log import EventLog

NONE, OTHER = "(none)", "(other)"
_MOST, _PARTS = 8, 4


def segment_values(log: EventLog, name: str, places: Sequence[int]) -> np.ndarray:
    """(places,) value of `user.NAME`, `item.NAME` or `context.NAME` at events of the log, as text.

    What upserts say holds from their time on. Of the item's groups (`item.categories`, or as the
    domain calls them) it is the first. A further column of a table comes before both.

    Raises:
        ConfigurationError: the name has another form.
    """
    group, _, own = name.partition(".")
    if group not in ("user", "item", "context") or not own:
        raise ConfigurationError(
            f"Expected --segment user.NAME, item.NAME or context.NAME. Received: {name!r}."
        )
    if name in log.columns:
        found = [log.columns[name][place] for place in places]
    elif group == "context":
        events = log.originals
        found = [events[place].context.get(own) if events else None for place in places]
    else:
        found = _as_of(log, group, own, places)
    return np.array([NONE if value is None else str(value) for value in found], object)


def _as_of(log: EventLog, group: str, own: str, places: Sequence[int]) -> list[Any]:
    wanted = UserUpsert if group == "user" else ItemUpsert
    upserts = [event for event in log.upserts if isinstance(event, wanted)]
    known: dict[str, Any] = {}
    found, sent = [], 0
    for place in places:
        while sent < len(upserts) and upserts[sent].event_time <= log.times[place]:
            known[_id(upserts[sent])] = _value(upserts[sent], own)
            sent += 1
        ids, numbers = (log.user_ids, log.users) if group == "user" else (log.item_ids, log.items)
        found.append(known.get(ids[numbers[place]]))
    return found


def _id(event: ItemUpsert | UserUpsert) -> str:
    return event.item_id if isinstance(event, ItemUpsert) else event.user_id


def _value(event: ItemUpsert | UserUpsert, own: str) -> Any:
    value: Any = event.attributes.get(own)
    if isinstance(event, ItemUpsert) and own in ("categories", domain().item.groups):
        value = event.categories
    return (value[0] if value else None) if isinstance(value, list | tuple) else value


def grouped(values: np.ndarray) -> np.ndarray:
    """At most eight groups: numbers by quarters of the questions, else the most frequent values.

    >>> grouped(np.array(["a", "a", "b"], object)).tolist()
    ['a', 'a', 'b']
    """
    distinct, count = np.unique(values.astype(str), return_counts=True)
    if len(distinct) <= _MOST:
        return values
    if (numbers := _numbers(values)) is not None:
        return _quarters(numbers)
    kept = set(distinct[np.argsort(-count, kind="stable")][: _MOST - 1].tolist())
    return np.array([value if value in kept else OTHER for value in values], object)


def _numbers(values: np.ndarray) -> np.ndarray | None:
    """The values as numbers, NaN for none; None where one is text."""
    try:
        return np.array([np.nan if value == NONE else float(value) for value in values])
    except ValueError:
        return None


def _quarters(numbers: np.ndarray) -> np.ndarray:
    there = numbers[~np.isnan(numbers)]
    edges = np.unique(np.quantile(there, np.linspace(0, 1, _PARTS + 1)))
    part = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, max(len(edges) - 2, 0))
    names = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return np.array(
        [NONE if np.isnan(n) else names[at] for n, at in zip(numbers, part, strict=True)], object
    )
