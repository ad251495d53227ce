"""The events that go in: what people did, what they were shown, what the catalogue says.

Every event is JSON with a `type` tag and a `schema_version`; ids are strings of 1 to 256 characters
(JSON integers are accepted and turned into decimal strings); times are UTC, seconds since the Unix
epoch in Python, and either that number or an RFC 3339 string in JSON. `millstream.codec` does both
directions.

Every text, list and number has a bound, so that whatever is made of an event fits into a message:
the API, `millstream publish` and the stream refuse the same. A field that is not named here is
refused too: it would be a misspelt one.
"""

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from millstream.domain import domain

SCHEMA_VERSION = 1

# Kinds of interactions: those of the project's domain (`millstream/domain/`).
KINDS = tuple(domain().kinds)
if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[KINDS]  # so that the decoder itself refuses others

Id = Annotated[str, Meta(min_length=1, max_length=256)]
# 1970 to 2100: the upper bound catches milliseconds sent as seconds (public logs go back to 1997).
UnixSeconds = Annotated[float, Meta(ge=0.0, le=4_102_444_800.0)]
Probability = Annotated[float, Meta(gt=0.0, le=1.0)]
# What a float32 can hold: features, labels and weights are of that type.
MAX_FLOAT32 = 3.4028234663852886e38
Number = Annotated[float, Meta(ge=-MAX_FLOAT32, le=MAX_FLOAT32)]
Position = Annotated[int, Meta(ge=0, le=2_147_483_647)]
Title = Annotated[str, Meta(max_length=1_000)]
Category = Annotated[str, Meta(min_length=1, max_length=128)]
Name = Annotated[str, Meta(max_length=128)]
Text = Annotated[str, Meta(max_length=1_000)]
Context = Annotated[dict[Name, Text], Meta(max_length=50)]
AttributeList = Annotated[list[Text | Number], Meta(max_length=1_024)]
Attributes = Annotated[dict[Name, Text | Number | bool | AttributeList], Meta(max_length=100)]
Scalar = Text | float | int | bool | None
FeatureValue = Scalar | Annotated[list[Scalar], Meta(max_length=1_024)]
LoggedFeatures = Annotated[dict[Name, FeatureValue], Meta(max_length=200)]
SchemaVersion = Annotated[int, Meta(ge=1, le=SCHEMA_VERSION)]


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    gc=False,
    forbid_unknown_fields=True,
):
    """Fields that every event has.

    Args:
        event_id: unique; an event that comes again with the same id has no effect.
        event_time: when it happened, Unix seconds, UTC.
        schema_version: the version of this vocabulary that the producer speaks.
        is_probe: sent by Millstream itself to measure freshness; never learnt from.
    """

    event_id: Id
    event_time: UnixSeconds
    schema_version: SchemaVersion = SCHEMA_VERSION
    is_probe: bool = False


class Interaction(Event, frozen=True, kw_only=True, tag="interaction", gc=False):
    """A person did something with an item.

    Args:
        kind: what they did, one of the domain's kinds.
        value: what the domain says that it is for this kind: stars, seconds, a price.
        request_id: of the list in which they saw the item, if it came from one.
        position: of the item in that list, from 0.
        context: anything else (device, page); values are strings.
    """

    user_id: Id
    item_id: Id
    kind: Kind
    value: Number | None = None
    request_id: Id | None = None
    position: Position | None = None
    context: Context = {}


class ShownItem(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One place of a list that was shown.

    Args:
        position: from 0.
        score: what the ranker gave it.
        propensity: the probability with which the policy puts this item here.
        source: which retriever brought it.
        features: the raw feature values it was scored with, by the names of `features/spec.py`.
    """

    item_id: Id
    position: Position
    score: Number
    propensity: Probability = 1.0
    source: Name = ""
    features: LoggedFeatures = {}


class Impression(Event, frozen=True, kw_only=True, tag="impression", gc=False):
    """A list was shown.

    Args:
        request_id: later interactions name it to say that they came from this list.
        items: what was shown, at least one.
        model_version: the snapshot that ranked it.
        user_features: raw feature values of the user, once for the whole list.
        placement: name of the placement that the list was for; "" is none.
        score_version: of the formula that ranked it; "" is the first task alone, or no model.
    """

    request_id: Id
    user_id: Id
    items: Annotated[list[ShownItem], Meta(min_length=1, max_length=1000)]
    model_version: Text = ""
    user_features: LoggedFeatures = {}
    context: Context = {}
    placement: Name = ""
    score_version: Name = ""


class ItemUpsert(Event, frozen=True, kw_only=True, tag="item", gc=False):
    """An item is new, or has changed: the whole item, not a difference.

    Args:
        title: the attribute that the domain names `item.title`.
        categories: the attribute that the domain names `item.groups` (genres, sections, brands); at
            most as many as that holds.
        attributes: item attributes of the domain, by name.
        created_at: when the item came to be, Unix seconds; the event's time where it is missing.
        hidden: never recommend it (again).
    """

    item_id: Id
    title: Title | None = None
    categories: Annotated[list[Category], Meta(max_length=100)] = []
    attributes: Attributes = {}
    created_at: UnixSeconds | None = None
    hidden: bool = False


class UserUpsert(Event, frozen=True, kw_only=True, tag="user", gc=False):
    """A user is new, or their attributes have changed."""

    user_id: Id
    attributes: Attributes = {}


# Bytes of an event as JSON; most are a few hundred, a list of 500 with its features 350,000.
MAX_EVENT_BYTES = 500_000

AnyEvent = Interaction | Impression | ItemUpsert | UserUpsert
