"""The bodies of requests and answers, as the OpenAPI page shows them."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from features.validation import PROBE_PREFIX
from millstream.domain import domain
from millstream.domain.examples import ranges_example

MAX_K = 500
MAX_EXCLUDED = 10_000
MAX_FILTERED = 100
MAX_CONTEXT = 50
MAX_RECENT = 100


def _text_of_id(value: Any) -> Any:
    """An integer as its decimal digits, as the events' door has it; nothing else becomes text."""
    return str(value) if type(value) is int else value


def _not_a_bool(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("Expected an integer")
    return value


def _of_a_person(value: str) -> str:
    if value.startswith(PROBE_PREFIX):
        raise ValueError(f"Expected an id that does not begin with {PROBE_PREFIX!r}")
    return value


Id = Annotated[str, BeforeValidator(_text_of_id), StringConstraints(min_length=1, max_length=256)]
UserId = Annotated[Id, AfterValidator(_of_a_person)]
Category = Annotated[
    str, BeforeValidator(_text_of_id), StringConstraints(min_length=1, max_length=128)
]
# As events have it: the list's log goes through the same door.
ContextName = Annotated[str, StringConstraints(max_length=128)]
ContextText = Annotated[str, BeforeValidator(_text_of_id), StringConstraints(max_length=1_000)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class RequestBody(BaseModel):
    """A request: what it does not know, it refuses; ids may be integers."""

    model_config = ConfigDict(extra="forbid")


class RangeBody(RequestBody):
    """Bounds of a number, both included."""

    at_least: Number | None = None
    at_most: Number | None = None


class FiltersBody(RequestBody):
    """Filters on items."""

    categories: list[Category] = Field(
        default=[], max_length=MAX_FILTERED, description="At least one of them."
    )
    exclude_categories: list[Category] = Field(
        default=[], max_length=MAX_FILTERED, description="None of them."
    )
    ranges: dict[str, RangeBody] = Field(
        default={},
        max_length=MAX_FILTERED,
        description="Bounds of numbers, by attribute or feature.",
        examples=[ranges_example(domain())],
    )
    values: dict[str, list[Category]] = Field(
        default={},
        max_length=MAX_FILTERED,
        description="Texts of which one must be the item's, by attribute that is filterable.",
    )


class RecommendBody(RequestBody):
    """A question for a list."""

    user_id: UserId | None = Field(
        default=None, examples=["196"], description="None is a visitor without an account."
    )
    session_id: UserId | None = Field(
        default=None,
        description="Of a visitor; what they do is remembered under it. Beside `user_id`, as after "
        "a login: what the session met last, the user has met.",
    )
    recent_items: list[Id] = Field(
        default=[],
        max_length=MAX_RECENT,
        description="What they met last, newest first, as far as the caller knows.",
    )
    placement: str | None = Field(
        default=None,
        max_length=48,
        description="One of the domain's placements, by name: how the list is made.",
        examples=list(domain().placements)[:1],
    )
    k: Annotated[int, BeforeValidator(_not_a_bool)] | None = Field(
        default=None,
        ge=1,
        le=MAX_K,
        description="How many items; as the placement says if left out, 10 without one.",
    )
    context: dict[ContextName, ContextText] = Field(
        default={}, max_length=MAX_CONTEXT, description="Logged with the list."
    )
    filters: FiltersBody = FiltersBody()
    exclude: list[Id] = Field(default=[], max_length=MAX_EXCLUDED, description="Not these items.")
    diversity: Literal["mmr", "dpp", "none"] | None = Field(
        default=None, description="How the list is diversified; the installation's choice if left."
    )
    explain: bool = Field(
        default=False, strict=True, description="Return features and propensities."
    )


class ItemAnswer(BaseModel):
    """One place of a list."""

    item_id: str
    title: str
    score: float
    sources: list[str]
    position: int
    propensity: float | None = None
    features: dict[str, Any] | None = None
    task_scores: dict[str, float] | None = None


class ListAnswer(BaseModel):
    """A list, and what it was made with."""

    request_id: str
    placement: str | None = Field(default=None, description="That the list was asked for.")
    items: list[ItemAnswer]
    model_version: str = Field(description="The snapshot that ranked it; empty where none did.")
    score_version: str | None = Field(
        default=None, description="The formula that ranked it; none where none did."
    )
    degraded: list[str] = Field(description="Parts that were missing or skipped, by name.")
    user_features: dict[str, Any] | None = None


class ItemsAnswer(BaseModel):
    """A list that is the same for everybody."""

    items: list[ItemAnswer]
    model_version: str
    degraded: list[str]


class CatalogueItem(BaseModel):
    """One item, as its newest upsert says."""

    item_id: str
    title: str | None = None
    categories: list[str] = []
    created_at: float | None = Field(default=None, description="Unix seconds.")
    attributes: dict[str, Any] = {}
    hidden: bool
    event_time: float = Field(description="Of the newest upsert, Unix seconds.")
    features: dict[str, Any] | None = Field(default=None, description="As of now.")


class CataloguePage(BaseModel):
    """Some of the catalogue."""

    items: list[CatalogueItem]
    next_cursor: str | None = Field(default=None, description="For the next page, if there is one.")


class UserAnswer(BaseModel):
    """All that is known of a person."""

    user_id: str
    attributes: dict[str, Any]
    event_time: float | None = Field(
        default=None, description="Of the newest upsert, Unix seconds; none where there was none."
    )
    features: dict[str, Any] = Field(description="As of now.")
    recent_items: list[str] = Field(description="Items they met lately, newest first.")


class MergeAnswer(BaseModel):
    """A session that is merged into a user."""

    user_id: str
    session_id: str
    recent_items: list[str] = Field(description="Items the session met lately, newest first.")


class ErasureAnswer(BaseModel):
    """How far an erasure has come; times are Unix seconds, and missing where it is not yet."""

    user_id: str
    stage: Literal["asked", "erased", "done"]
    done: bool
    asked_at: float | None = None
    online_at: float | None = Field(default=None, description="Gone from stream and Redis.")
    model_at: float | None = Field(
        default=None, description="The served model has forgotten those erased up to then."
    )
    offline_at: float | None = Field(default=None, description="Gone from the offline files.")


class EventError(BaseModel):
    """Why one event of a batch was refused."""

    path: str = Field(examples=["$[3].item_id"])
    reason: str


class EventsAnswer(BaseModel):
    """Outcome of the events: the ids of those that were accepted, in their order."""

    event_ids: list[str]
    errors: list[EventError] = []
    detail: str | None = Field(default=None, description="Why nothing was accepted, if so.")


class ReadyAnswer(BaseModel):
    """Readiness of the worker for requests, and its state."""

    ready: bool
    model_version: str
    items: int
    score: str = Field(
        description="Version of the formula that lists are ranked by; empty without one."
    )
    index_recall: float | None = Field(
        description="Share of the best 400 items that searches find now, 1 where they are exact; "
        "none before the first."
    )
    waiting_for: list[str]
