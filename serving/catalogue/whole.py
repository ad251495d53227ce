"""Items as a whole: what the newest upsert of each says, read back from the catalogue."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from features.feature import Feature
from features.spec import ITEM_ATTRIBUTES, features_of
from features.upserts import UpsertVersion
from serving.catalogue.catalogue import Catalogue

_OWN = ("title", "categories", "created_at")


@dataclass(frozen=True)
class WholeItem:
    """One item, by the names that an upsert has.

    Args:
        own: those of `title`, `categories` and `created_at` that are known.
        attributes: those that are known.
        version: of the upsert that says so.
    """

    item_id: str
    hidden: bool
    version: UpsertVersion
    own: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """The fields of an upsert that says the same, without its id and time."""
        return {
            "item_id": self.item_id,
            **self.own,
            "attributes": dict(self.attributes),
            "hidden": self.hidden,
        }


def whole_item(catalogue: Catalogue, item_id: str) -> WholeItem | None:
    """The item as its newest upsert says; None where there is none, or it was deleted."""
    row, version = catalogue.row(item_id), catalogue.version(item_id)
    if row is None or version is None:
        return None
    known = known_values(catalogue, row)
    own = {name: known.pop(name) for name in _OWN if name in known}
    return WholeItem(item_id, not catalogue.shown[row], version, own, known)


def known_values(catalogue: Catalogue, row: int) -> dict[str, Any]:
    """Attributes of the item of one row, by the names that an upsert has for them."""
    return {
        feature.name.removeprefix("item_"): value
        for feature in features_of(ITEM_ATTRIBUTES)
        if (value := _value(catalogue, feature, row)) not in (feature.default, [])
    }


def _value(catalogue: Catalogue, feature: Feature, row: int) -> Any:
    column = catalogue.columns[feature.name]
    if column.is_text:
        return column.text(row)
    value = column.values.take(np.array([row]))[0]
    if feature.is_list:
        return [_shortest(each) for each in value] if value.any() else []
    return _shortest(value) if value.dtype == np.float32 else value.tolist()


def _shortest(value: np.float32) -> float:
    """The shortest decimal that is the same float32: what was sent as .1 comes back as .1."""
    return float(str(value))
