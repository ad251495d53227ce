"""Features by family: what the stream keeps of users and items, with each family's options."""

from typing import Annotated, Literal

from pydantic import Field, Strict

from millstream.domain.part import MOST_NAMES, Kinds, Name, OwnName, Part, Reference, Seconds


class CountFeature(Part):
    """Decayed count of events: after `half_life` it is worth half."""

    family: Literal["count"]
    of: Literal["events", "positives", "people"] | Kinds = Field(
        description="What is counted: events, positives, people who were positive (each once), or "
        "events of the kinds of a list."
    )
    half_life: Seconds = Field(description="Time in which it loses half of its value.")


class RecentFeature(Part):
    """The items that a user met last, the newest first, each once."""

    family: Literal["recent"]
    length: int = Field(default=20, ge=1, le=100, description="The most items that are kept.")
    kinds: Kinds | None = Field(
        default=None, description="Kinds of events that count; all where it is left out."
    )
    times: bool = Field(
        default=False,
        description="Whether the time of each is kept, as `<name>_times`, which models take by how "
        "long ago it was.",
    )


class AffinityFeature(Part):
    """How much has been done, and liked, by each entry of a list of the other side.

    A user's goes over a list of the items they met (`item.categories`), an item's over a list of
    its users as it was just before (`user.recent_items`: what they had met). It gives the strongest
    entries, the decayed events and positives of each, and of a user and an item together the inputs
    `<entry>_affinity` (share of positives) and `<entry>_familiarity`.
    """

    family: Literal["affinity"]
    to: Reference = Field(description='The list: "item.categories" or "user.recent_items".')
    entry: Name | None = Field(
        default=None,
        description="The word for one entry (`category`), of which names are made; the feature's "
        "own name where it is left out.",
    )
    top: int = Field(default=8, ge=1, le=64, description="Entries that are a feature.")
    half_life: Seconds = Field(description="Time in which a strength loses half of its value.")
    depth: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Entries of the list that count, from its beginning; all where it is left out.",
    )
    encoding: Literal["ids", "none"] = Field(
        default="ids", description="How models take the entries: by their ids, or not at all."
    )
    tracked: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="Entries that are kept, so that others can become the strongest; four times "
        "`top` where it is left out.",
    )
    fading: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Weight of each entry of the other list in the inputs, as a share of the one's "
        "before it: below 1 the newest of somebody's recent items says most.",
    )


class SumFeature(Part):
    """Decayed sum of the `value` of events, such as money spent; one without a value adds 0."""

    family: Literal["sum"]
    half_life: Seconds = Field(description="Time in which it loses half of its value.")
    kinds: Kinds | None = Field(
        default=None, description="Kinds of events that count; all where it is left out."
    )


class SinceFeature(Part):
    """Time since the newest event of some kinds."""

    family: Literal["since"]
    kinds: Kinds = Field(description="Kinds of events that count.")


class TrendFeature(Part):
    """How much more of late than before: two counts of the same events; an input, not stored."""

    family: Literal["trend"]
    fast: Name = Field(description="The count with the short half-life, of the same entity.")
    slow: Name = Field(description="The count with the long one.")


class RateFeature(Part):
    """Share of one count in another, smoothed towards a half: an input, not stored."""

    family: Literal["rate"]
    of: Name = Field(description="The count above the line, of the same entity: `positives_30d`.")
    over: Name = Field(description="The count below it: `events_30d`.")


_Scalar = str | bool | int | float
_Option = _Scalar | Annotated[tuple[_Scalar, ...], Strict(False), Field(max_length=MOST_NAMES)]


class OwnFeature(Part):
    """A number by a class of the project's own (`features.families.OwnNumbers`)."""

    family: Literal["own"]
    object: OwnName = Field(
        description='The class, as `module:Class` of the project\'s folder: "my_features:Longest".'
    )
    options: dict[Name, _Option] = Field(
        default={}, max_length=MOST_NAMES, description="What the class is made with, by name."
    )


_Plain = (
    CountFeature
    | SumFeature
    | SinceFeature
    | AffinityFeature
    | RateFeature
    | TrendFeature
    | OwnFeature
)
UserFeature = Annotated[_Plain | RecentFeature, Field(discriminator="family")]
ItemFeature = Annotated[_Plain, Field(discriminator="family")]

_OF_BOTH: dict[str, type[Part]] = {
    "count": CountFeature,
    "sum": SumFeature,
    "since": SinceFeature,
    "affinity": AffinityFeature,
    "rate": RateFeature,
    "trend": TrendFeature,
    "own": OwnFeature,
}
FAMILIES: dict[str, dict[str, type[Part]]] = {
    "user": {**_OF_BOTH, "recent": RecentFeature},
    "item": _OF_BOTH,
}
# Families whose features are inputs of models, and not stored.
NOT_STORED = frozenset({"rate", "trend"})
