"""Filters of a request: a mask over the catalogue's rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from features.spec import ATTRIBUTES, CREATED, GROUPS
from millstream.ids import id64_array
from serving.catalogue.catalogue import Catalogue

NUMBERS = ("float32", "float64", "int64")


@dataclass(frozen=True)
class Range:
    """Bounds of a number, both included; None is open."""

    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Filters:
    """Conditions on an item; every one must hold.

    Args:
        categories: it is in at least one of these groups (empty: any item).
        exclude_categories: it is in none of them.
        ranges: bounds of item features, by the feature's name without `item_` (`price`).
        max_age_s: it was created not longer ago, seconds.
        values: texts of which one is the item's, by the feature's name without `item_` (`brand`).
    """

    categories: Sequence[str] = ()
    exclude_categories: Sequence[str] = ()
    ranges: Mapping[str, Range] = field(default_factory=dict)
    max_age_s: float | None = None
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)


def rangeable(catalogue: Catalogue) -> list[str]:
    """The names that `Filters.ranges` takes."""
    columns = catalogue.columns.values()
    numbers = (column.feature.name for column in columns if column.feature.dtype in NUMBERS)
    return sorted(name.removeprefix("item_") for name in numbers if _is_filterable(name))


def choosable(catalogue: Catalogue) -> list[str]:
    """The names that `Filters.values` takes."""
    columns = catalogue.columns.items()
    texts = (name for name, column in columns if column.is_text and name in ATTRIBUTES)
    return sorted(name.removeprefix("item_") for name in texts if _is_filterable(name))


def allowed(
    catalogue: Catalogue, filters: Filters, time_s: float, exclude: Sequence[str] = ()
) -> np.ndarray:
    """Rows that may be shown at all: available, not excluded, and as the filters say at `time_s`.

    Returns:
        Shape (rows,), bool; the caller's own copy. Items that come meanwhile are not in it.
    """
    mask = catalogue.available(time_s)
    excluded = catalogue.rows(exclude)
    mask[excluded[excluded < len(mask)]] = False
    narrow(mask, catalogue, filters, time_s)
    return mask


def narrow(mask: np.ndarray, catalogue: Catalogue, filters: Filters, time_s: float) -> None:
    """Take out of `mask`, shape (rows,), bool, what is not as the filters say at `time_s`."""
    if filters.categories:
        mask &= _has_any(catalogue, GROUPS, filters.categories, len(mask))
    if filters.exclude_categories:
        mask &= ~_has_any(catalogue, GROUPS, filters.exclude_categories, len(mask))
    for name, texts in filters.values.items():
        mask &= _has_any(catalogue, f"item_{name}", texts, len(mask))
    for name, bounds in filters.ranges.items():
        values = catalogue.values_as_of(f"item_{name}", time_s)[: len(mask)]
        if bounds.at_least is not None:
            mask &= values >= bounds.at_least
        if bounds.at_most is not None:
            mask &= values <= bounds.at_most
    if filters.max_age_s is not None:
        mask &= catalogue.values(CREATED)[: len(mask)] >= time_s - filters.max_age_s


def _is_filterable(name: str) -> bool:
    attribute = ATTRIBUTES.get(name)
    return attribute is None or getattr(attribute, "filterable", False)


def _has_any(catalogue: Catalogue, name: str, texts: Sequence[str], size: int) -> np.ndarray:
    """Items of which a text, or one of a list, is among `texts`; (size,) bool."""
    found = np.isin(catalogue.values(name)[:size], id64_array(texts))
    return np.asarray(found.any(axis=1)) if found.ndim == 2 else found
