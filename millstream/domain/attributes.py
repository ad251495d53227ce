"""Attributes: what the catalogue says of items, and the accounts of users."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from millstream.domain.part import Name, Part

MAX_VECTOR = 1_024


class _Attribute(Part):
    sensitive: bool = Field(
        default=False,
        description="Whether its value is kept out of error texts and of log lines.",
    )


class _Text(_Attribute):
    max_characters: int = Field(
        default=256, ge=1, le=1_000, description="The most characters of a text."
    )
    filterable: bool = Field(
        default=False,
        description="Lets requests ask for items by it: equal to one of some texts (items only).",
    )
    table: Name | None = Field(
        default=None,
        description="The embedding table; attributes of one table share it. Its own where it is "
        "left out.",
    )


class StringAttribute(_Text):
    """One text, such as a brand."""

    type: Literal["string"]
    encoding: Literal["id", "none"] = Field(
        default="id", description="How models take it: by its id, or not at all."
    )


class StringsAttribute(_Text):
    """A list of texts, such as categories or tags."""

    type: Literal["strings"]
    length: int = Field(default=8, ge=1, le=64, description="The most entries that are kept.")
    encoding: Literal["ids", "none"] = Field(
        default="ids", description="How models take it: by its ids, or not at all."
    )


class _Number(_Attribute):
    filterable: bool = Field(
        default=True,
        description="Whether a request may ask for a range of it (items only).",
    )
    encoding: Literal["scaled", "none"] = Field(
        default="scaled", description="How models take it: divided by `scale`, or not at all."
    )
    scale: float = Field(default=1.0, gt=0, description="Divisor for the models' input.")
    bounds: tuple[float, float] | None = Field(
        default=None,
        strict=False,
        description="Lowest and highest value that models tell apart; ten scales either way where "
        "it is left out.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "_Number":
        if self.bounds and not self.bounds[0] < self.bounds[1]:
            raise ValueError("bounds whose first is below their second")
        return self


class FloatAttribute(_Number):
    """A number, such as a price."""

    type: Literal["float"]


class IntAttribute(_Number):
    """A whole number, such as a count of pages."""

    type: Literal["int"]


class BoolAttribute(_Attribute):
    """Yes or no, kept as 1 or 0, such as whether an item is in stock."""

    type: Literal["bool"]
    filterable: bool = Field(
        default=True,
        description="Whether a request may ask for it (items only).",
    )
    encoding: Literal["scaled", "none"] = Field(
        default="scaled", description="How models take it: as 0 or 1, or not at all."
    )


class TimeAttribute(_Attribute):
    """A time: Unix seconds or RFC 3339."""

    type: Literal["time"]
    filterable: bool = Field(
        default=True,
        description="Whether a request may ask for a range of it (items only).",
    )
    encoding: Literal["age", "none"] = Field(
        default="age", description="How models take it: by how long ago it is, or not at all."
    )


class VectorAttribute(_Attribute):
    """A vector of fixed size, such as the embedding of a text or a picture."""

    type: Literal["vector"]
    size: int = Field(
        ge=1,
        le=MAX_VECTOR,
        description="How many numbers it has: an upsert with more or fewer is refused.",
    )
    encoding: Literal["dense", "none"] = Field(
        default="dense", description="How models take it: as it is, or not at all."
    )


Attribute = Annotated[
    StringAttribute
    | StringsAttribute
    | FloatAttribute
    | IntAttribute
    | BoolAttribute
    | TimeAttribute
    | VectorAttribute,
    Field(discriminator="type"),
]
ATTRIBUTES = {
    "string": StringAttribute,
    "strings": StringsAttribute,
    "float": FloatAttribute,
    "int": IntAttribute,
    "bool": BoolAttribute,
    "time": TimeAttribute,
    "vector": VectorAttribute,
}
