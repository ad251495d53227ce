"""Every model by name. To add one: its file, and a line in `models/entries`.

Reading the catalogue loads no framework; a builder is imported when it is asked for.
"""

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from millstream.errors import ConfigurationError
from models.entries import (
    autoencoders,
    behaviours,
    matrices,
    networks,
    retrieval,
    sums,
    tasks,
    trees,
)
from models.entry import Entry
from models.fields import Field
from models.rows import RowInit

CATALOGUE: tuple[Entry, ...] = (
    *sums.ENTRIES,
    *networks.ENTRIES,
    *behaviours.ENTRIES,
    *trees.ENTRIES,
    *retrieval.ENTRIES,
    *autoencoders.ENTRIES,
    *matrices.ENTRIES,
    *tasks.ENTRIES,
)

_BY_NAME = {entry.name: entry for entry in CATALOGUE}


def find(name: str) -> Entry:
    """The entry of that name; of `module:function` a model of the project's own, of its role.

    Raises:
        ConfigurationError: there is none; the message names what is near, and all there are.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    if ":" in name:
        return Entry(name, "own", "ranking", "", name, is_own=True)
    near = get_close_matches(name.lower(), _BY_NAME, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigurationError(
        f"`name` must be a model of the catalogue: {', '.join(sorted(_BY_NAME))}.{hint} "
        f"Received: {name!r}."
    )


def build(name: str, fields: Iterable[Field], **options: Any) -> Any:
    """Build a model of the catalogue.

    Args:
        fields: what it reads.
        options: of its builder, in place of their defaults.

    Raises:
        ConfigurationError: no such model of fields, or no such option.
    """
    entry = find(name)
    if entry.task == "matrix":
        raise ConfigurationError(
            f"`name` must be a model of fields. Received: {name!r}, which learns from a matrix."
        )
    defaults = entry.defaults()
    if unknown := sorted(set(options) - set(defaults)):
        raise ConfigurationError(
            f"Options of {name!r} must be among {sorted(defaults)}. Received: {unknown}."
        )
    return entry.load()(_drawn(fields, entry.row_init), **{**entry.options, **options})


def _drawn(fields: Iterable[Field], init: RowInit) -> list[Field]:
    return [replace(f, init=init) if f.is_id and f.init is None else f for f in fields]
