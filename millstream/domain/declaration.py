"""The domain as a whole: what `domain.toml` says."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from millstream.domain.attributes import Attribute
from millstream.domain.context import ContextField
from millstream.domain.features import ItemFeature, UserFeature
from millstream.domain.kinds import Kind
from millstream.domain.part import Name, Part
from millstream.domain.placements import DEFAULT, Placement
from millstream.domain.score import Score
from millstream.domain.tasks import MAX_TASKS, ONLY_TASK, Task

MAX_KINDS, MAX_ENTRIES, MAX_PLACEMENTS, MAX_CONTEXT = 64, 64, 64, 16

Entity = Literal["user", "item"]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError('a time zone of the IANA list, such as "Europe/Berlin"') from error
    return name


class UserSide(Part):
    """What is known of users: `[user]`."""

    recent: Name = Field(
        description="The feature of family `recent` whose items a list leaves out, and negatives "
        "are not drawn from."
    )
    attributes: dict[Name, Attribute] = Field(
        default={}, max_length=MAX_ENTRIES, description="What the accounts say, by name."
    )
    features: dict[Name, UserFeature] = Field(
        max_length=MAX_ENTRIES, description="What the stream keeps, by name."
    )


class ItemSide(Part):
    """What is known of items: `[item]`."""

    title: Name = Field(
        description="The attribute of type `string` that people read; items with almost the same "
        "are one. An upsert's field `title` is it."
    )
    groups: Name = Field(
        description="The attribute of type `strings` that diversity, filters and `/v1/popular` go "
        "by: categories, sections, brands. An upsert's field `categories` is it."
    )
    created: Name = Field(
        description="The attribute of type `time` that says how new an item is. An upsert's field "
        "`created_at` is it, or the time of the upsert."
    )
    popularity: Name = Field(
        description="The count by which `/v1/popular` and lists without a model are ordered."
    )
    trending: Name = Field(
        description="The count with a shorter half-life by which the source `trending` goes."
    )
    available_from: Name | None = Field(
        default=None,
        description="The attribute of type `time` before which an item is in no list; an item "
        "without it has always been available.",
    )
    available_until: Name | None = Field(
        default=None,
        description="The attribute of type `time` from which on an item is in no list any more; an "
        "item without it stays.",
    )
    in_stock: Name | None = Field(
        default=None,
        description="The attribute of type `bool` without which an item is in no list; where an "
        "upsert does not say, it is true.",
    )
    attributes: dict[Name, Attribute] = Field(
        max_length=MAX_ENTRIES, description="What the catalogue says, by name."
    )
    features: dict[Name, ItemFeature] = Field(
        max_length=MAX_ENTRIES, description="What the stream keeps, by name."
    )


class Domain(Part):
    """A domain of recommendation: a shop, a newsroom, a film site."""

    name: Name = Field(description="What the domain is called, in plans and logs.")
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="UTC",
        description='Time zone of the inputs `hour_of_day` and `day_of_week`: "Europe/Berlin".',
    )
    kinds: dict[Name, Kind] = Field(
        min_length=1, max_length=MAX_KINDS, description="What people do, by name."
    )
    tasks: dict[Name, Task] = Field(
        default={},
        max_length=MAX_TASKS,
        description="What is learnt of each shown item, by name; the first ranks lists. Where none "
        "is named, it is how likely a positive is, by the labels of the kinds.",
    )
    user: UserSide
    item: ItemSide
    context: dict[Name, ContextField] = Field(
        default={},
        max_length=MAX_CONTEXT,
        description="Fields of the `context` of requests and events that models take, by name; "
        "`placement` is that of the list where the context does not say.",
    )
    score: Score | None = Field(
        default=None,
        description="What lists are ranked by; by the first task where it is left out.",
    )
    placements: dict[Name, Placement] = Field(
        default={},
        max_length=MAX_PLACEMENTS,
        description="Named ways to make a list, which requests choose by name; `default` is that "
        "of requests that name none.",
    )

    def positive(self) -> tuple[str, float | None]:
        """A kind that teaches 1, and a `value` with which it does."""
        kinds = self.kinds.items()
        fixed = [(n, 1.0 if kind.needs_value else None) for n, kind in kinds if kind.label == 1]
        by_value = [(n, kind.label_from) for n, kind in kinds if kind.labelled_by_value]
        return next(iter([*fixed, *by_value]))

    def task_names(self) -> tuple[str, ...]:
        """Names of what the ranker learns."""
        return tuple(self.tasks) or (ONLY_TASK,)

    def outputs(self) -> tuple[str, ...]:
        """Names of the ranker's scores: a task's, or `task.class` of each class."""
        found = (output for name, task in self.tasks.items() for output in task.outputs(name))
        return tuple(found) or (ONLY_TASK,)

    def formula_of(self, placement: str = "") -> str | None:
        """The formula that lists of a placement are ranked by; None is the first task."""
        named = self.placements.get(placement or DEFAULT)
        if named is not None and named.score is not None:
            return named.score
        return None if self.score is None else self.score.formula

    def side(self, entity: Entity) -> UserSide | ItemSide:
        """What is known of one entity."""
        return self.user if entity == "user" else self.item
