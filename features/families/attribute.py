"""Attribute by the catalogue or the accounts."""

from dataclasses import dataclass
from typing import Any

from features.families.family import Family
from features.feature import Dtype, Encoding, Feature


@dataclass(frozen=True)
class Attribute(Family):
    """A value that an upsert states: `user_age` is read from its attribute `age`.

    It has no state of its own: `features/attributes.py` keeps the versions.

    Args:
        dtype, default, length, encoding, scale, table, bounds, max_characters: see
            `features.feature.Feature`.
    """

    dtype: Dtype = "string"
    default: Any = ""
    length: int | None = None
    encoding: Encoding | None = None
    scale: float = 1.0
    table: str | None = None
    bounds: tuple[float, float] | None = None
    max_characters: int = 256

    def columns(self) -> tuple[Feature, ...]:
        return (
            Feature(
                self.name,
                self.view,
                self.dtype,
                self.default,
                length=self.length,
                encoding=self.encoding,
                scale=self.scale,
                table=self.table,
                bounds=self.bounds,
                max_characters=self.max_characters,
            ),
        )
