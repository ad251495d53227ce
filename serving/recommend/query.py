"""A question for a list, and the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from millstream.list_choices import Diversity
from serving.catalogue.filters import Filters


@dataclass(frozen=True)
class Query:
    """A request for a list.

    Args:
        k: how many items.
        placement: name of the placement that the list is for; "" is none.
        context: logged with the list.
        exclude: items that must not be in the list.
        diversity: None is the installation's own choice.
        explain: return the features that each item was scored with.
        recent_items: what the user met last, newest first, by the caller.
        request_id: of the list; "" makes one.
        session_user: the user of the session that they came with; what that met they have met.
        waited_s: how much of its budget is gone already, seconds.
    """

    user_id: str
    k: int
    context: Mapping[str, str] = field(default_factory=dict)
    filters: Filters = field(default_factory=Filters)
    exclude: Sequence[str] = ()
    diversity: Diversity | None = None
    explain: bool = False
    recent_items: Sequence[str] = ()
    request_id: str = ""
    session_user: str = ""
    placement: str = ""
    waited_s: float = 0.0


@dataclass(frozen=True)
class Recommended:
    """One place of a list.

    Args:
        position: from 0.
        score: of the formula, or of the ranker's first task, dealt out in the order that ranker
            and counter agree on where the counter has a weight; of a fallback, its popularity.
        sources: who brought it.
        propensity: the probability that it is here, given the places above.
        features: the raw as-of values it was scored with.
        task_scores: of the ranker, by task.
    """

    item_id: str
    title: str
    position: int
    score: float
    sources: Sequence[str]
    propensity: float = 1.0
    features: Mapping[str, Any] = field(default_factory=dict)
    task_scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Recommendation:
    """A list for a user.

    Args:
        model_version: the snapshot that ranked it; empty where none did.
        degraded: what had to be done without, by name (`serving/recommend/degraded.py`).
        user_features: the raw as-of values of the user.
        time_s: when it was made, Unix seconds.
        score_version: of the formula that ranked it; empty where none did.
    """

    request_id: str
    query: Query
    items: Sequence[Recommended]
    model_version: str
    degraded: Sequence[str]
    user_features: Mapping[str, Any]
    time_s: float
    score_version: str = ""
