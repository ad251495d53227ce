"""The bodies of requests and answers, as the OpenAPI page shows them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]

MAX_K = 500
MAX_EXCLUDED = 10_000


class Body(BaseModel):
    """A request: what it does not know, it refuses; ids may be integers."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


class RangeBody(Body):
    """Bounds of a number, both included."""

    at_least: float | None = None
    at_most: float | None = None


class FiltersBody(Body):
    """What an item must be like."""

    categories: list[str] = Field(default=[], description="At least one of them.")
    exclude_categories: list[str] = Field(default=[], description="None of them.")
    ranges: dict[str, RangeBody] = Field(
        default={},
        description="Bounds of numbers, by attribute or feature.",
        examples=[{"release_year": {"at_least": 1990}}],
    )


class RecommendBody(Body):
    """A question for a list."""

    user_id: Id = Field(examples=["196"])
    k: int = Field(default=10, ge=1, le=MAX_K, description="How many items.")
    context: dict[str, str] = Field(default={}, description="Logged with the list.")
    filters: FiltersBody = FiltersBody()
    exclude: list[Id] = Field(default=[], max_length=MAX_EXCLUDED, description="Not these items.")
    diversity: Literal["mmr", "dpp", "none"] | None = Field(
        default=None, description="How the list is diversified; the installation's choice if left."
    )
    explain: bool = Field(default=False, description="Return features and propensities.")


class ItemAnswer(BaseModel):
    """One place of a list."""

    item_id: str
    title: str
    score: float
    sources: list[str]
    position: int
    propensity: float | None = None
    features: dict[str, Any] | None = None


class ListAnswer(BaseModel):
    """A list, and what it was made with."""

    request_id: str
    items: list[ItemAnswer]
    model_version: str = Field(description="The snapshot that ranked it; empty where none did.")
    degraded: list[str] = Field(description="What had to be done without.")
    user_features: dict[str, Any] | None = None


class ItemsAnswer(BaseModel):
    """A list that is the same for everybody."""

    items: list[ItemAnswer]
    model_version: str
    degraded: list[str]


class EventError(BaseModel):
    """Why one event of a batch was refused."""

    path: str = Field(examples=["$[3].item_id"])
    reason: str


class EventsAnswer(BaseModel):
    """What became of the events: the ids of those that were accepted, in their order."""

    event_ids: list[str]
    errors: list[EventError] = []


class ReadyAnswer(BaseModel):
    """Whether the worker should get requests, and what it has."""

    ready: bool
    model_version: str
    items: int
    waiting_for: list[str]
