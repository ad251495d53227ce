"""Data types of the feature spec, `features/spec.py`."""

from dataclasses import dataclass, field
from typing import Any, Literal

from millstream.errors import ConfigurationError

Entity = Literal["user", "item"]
Dtype = Literal[
    "float32", "float64", "int64", "string", "string_list", "float32_list", "float64_list"
]
Encoding = Literal["id", "ids", "log", "age", "scaled", "dense"]

LIST_DTYPES = ("string_list", "float32_list", "float64_list")


@dataclass(frozen=True)
class View:
    """Features of one entity that are written together: one Feast feature view.

    Args:
        ttl_s: a row that is older counts as missing, seconds; None is for ever.
    """

    name: str
    entity: Entity
    ttl_s: float | None = None

    @property
    def key(self) -> str:
        """The name of the column that holds the entity's id."""
        return f"{self.entity}_id"


@dataclass(frozen=True)
class Feature:
    """One stored value of a user or an item.

    Args:
        name: unique; begins with its entity.
        view: the view it is written with.
        dtype: of the stored value; times are float64 Unix seconds.
        counts: for a decayed count: which events (`features.families.Count`).
        half_life_s: for what decays: seconds in which it loses half of its value. The stored value
            is as of `<entity>_updated_at`; `features/as_of.py` brings it to any later time.
        default: what a missing value is.
        length: the most entries a list keeps.
        encoding: how a model takes it; None keeps it out of the models' own inputs (it may still
            feed one of the derived inputs).
        scale: what `encoding="scaled"` divides by.
        bounds: of the values that `encoding="scaled"` tells apart: one further out counts as the
            bound. Ten scales either way where they are missing.
        max_characters: of a text, or of each text of a list.
        table: the embedding table of an id; the feature's own name where it is missing.
    """

    name: str
    view: View
    dtype: Dtype
    default: Any
    counts: str | None = None
    half_life_s: float | None = None
    length: int | None = None
    encoding: Encoding | None = None
    scale: float = 1.0
    table: str | None = None
    # Not in `repr`, hence not in `spec_hash`: they change what is let in, not what is stored.
    bounds: tuple[float, float] | None = field(default=None, repr=False)
    max_characters: int = field(default=256, repr=False)

    def __post_init__(self) -> None:
        if not self.name.startswith(f"{self.view.entity}_"):
            raise ConfigurationError(
                f"A feature's name must begin with `{self.view.entity}_`. Received: {self.name!r}."
            )
        if self.is_list != (self.length is not None):
            raise ConfigurationError(
                f"`length` must be given for a list, and only for one. Received: "
                f"dtype={self.dtype!r}, length={self.length!r} for {self.name!r}."
            )
        if self.half_life_s is not None and self.half_life_s <= 0:
            raise ConfigurationError(
                f"`half_life_s` must be above 0 seconds. Received: {self.half_life_s!r}."
            )

    @property
    def entity(self) -> Entity:
        return self.view.entity

    @property
    def is_list(self) -> bool:
        return self.dtype in LIST_DTYPES


@dataclass(frozen=True)
class ModelInput:
    """One input of the models: what `features/encode.py` makes and a network takes.

    Args:
        name: of the input.
        kind: `id` is an int64 key (0 is padding), `float` a float32.
        side: what is needed to compute it; `cross` needs user and item, `context` only the time.
        length: of a list, padded at its end with 0, or of a vector; None is a single value.
        table: the embedding table of an id.
    """

    name: str
    kind: Literal["id", "float"]
    side: Literal["user", "item", "cross", "context"]
    length: int | None = None
    table: str | None = None
