"""Placements: named ways to make a list, which a request chooses by name."""

from typing import Annotated

from pydantic import Field, Strict, StringConstraints, model_validator

from millstream.domain.part import Kinds, Name, OwnName, Part, Seconds
from millstream.domain.score import FormulaText
from millstream.list_choices import Diversity, Seen, SourceName

MAX_PLACE_K = 500
MAX_GROUPS, MAX_RULES = 100, 16

# The placement of requests that name none, where the domain has it.
DEFAULT = "default"

Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Groups = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, max_length=128)], ...],
    Strict(False),
    Field(max_length=MAX_GROUPS),
]


class Bounds(Part):
    """Bounds of a number, both included; one that is left out is open."""

    at_least: float | None = Field(
        default=None, allow_inf_nan=False, description="The lowest value."
    )
    at_most: float | None = Field(
        default=None, allow_inf_nan=False, description="The highest value."
    )


class Placement(Part):
    """A named way to make a list: `[placements.NAME]`.

    What is left out is as the installation's settings say.
    """

    k: int = Field(
        default=10,
        ge=1,
        le=MAX_PLACE_K,
        description="How many items, where the request does not say.",
    )
    candidates: int | None = Field(
        default=None, ge=1, le=10_000, description="How many items are ranked for one list."
    )
    sources: dict[SourceName | OwnName, Share] | None = Field(
        default=None,
        description="Shares of the candidates by source; those that are not named bring none. One "
        "of the project's own is named as `module:Class` from its folder.",
    )
    score: FormulaText | None = Field(
        default=None, description="A formula in place of that of `[score]`."
    )
    groups: Groups = Field(
        default=(), description="Only items with one of these in `item.groups`; any if left out."
    )
    exclude_groups: Groups = Field(
        default=(), description="No items with one of these in `item.groups`."
    )
    ranges: dict[Name, Bounds] = Field(
        default={}, description="Bounds of numbers of an item, by attribute or feature."
    )
    values: dict[Name, Groups] = Field(
        default={},
        description="Texts of an item, by attribute that is `filterable`: one of each must be it.",
    )
    max_age: Seconds | None = Field(
        default=None, description="Only items whose `item.created` is not longer ago."
    )
    most_per_group: int | None = Field(
        default=None,
        ge=1,
        description="The most items of a list with the same first entry in `item.groups`; more of "
        "them come behind all others that are not seen.",
    )
    rules: Annotated[tuple[OwnName, ...], Strict(False), Field(max_length=MAX_RULES)] = Field(
        default=(),
        description="Functions of the project's own that order the candidates anew, one after the "
        "other, as `module:function` from its folder.",
    )
    diversity: Diversity | None = Field(
        default=None, description='How the list is diversified: "mmr", "dpp" or "none".'
    )
    diversity_strength: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The share of its odds that an item loses for a like one above it.",
    )
    seen: Seen = Field(
        default="behind",
        description="Where items go that the user has seen: behind all others, anywhere as if they "
        "had not (off), or not into the list even if it becomes short (out).",
    )
    seen_kinds: Kinds | None = Field(
        default=None,
        description="Kinds of events by which an item counts as seen here; those that the domain "
        "says if left out.",
    )
    seen_for: Seconds | None = Field(
        default=None,
        description="How long an item counts as seen here, up to a quarter longer; as its kind "
        "says if left out.",
    )
    exploration: float | None = Field(
        default=None, ge=0, le=1, description="The share of places given to chance."
    )
    temperature: float | None = Field(
        default=None,
        gt=0,
        le=1_000,
        description="Places are drawn by softmax of scores over it, in place of `exploration`.",
    )

    @model_validator(mode="after")
    def _has_a_source(self) -> "Placement":
        if self.sources is not None and not any(self.sources.values()):
            raise ValueError("`sources` of which one share at least is above 0")
        if self.seen == "off" and (self.seen_kinds or self.seen_for):
            raise ValueError("`seen_kinds` and `seen_for` only where `seen` is not off")
        return self
