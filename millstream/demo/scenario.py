"""One person's list, before and after ten new events of theirs."""

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from millstream.demo.environment import Environment
from millstream.demo.metrics_poller import MetricsSample
from millstream.domain import domain
from millstream.events import Interaction, ItemUpsert

EVENTS = 10
LIST_LENGTH = 10
KNOWN_EVENTS = 25
# The new events are about items among so many of the most popular ones.
WELL_KNOWN = 500
# Which of the values of positives, in order, the new events have.
HIGH = 0.9
PATIENCE_S = 45.0


@dataclass(frozen=True)
class Scenario:
    """One list before and after ten events.

    Args:
        user_id: whose.
        category: what their ten new events are about; empty where no category has enough items.
        events: what the new events are, such as `rating 5`.
        took_s: from the last event to the served weights that have learnt from it.
        categories: of every item.
    """

    user_id: str
    category: str
    events: str
    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    took_s: float | None
    categories: dict[str, list[str]]


def play(
    environment: Environment, items: Sequence[ItemUpsert], log: Sequence[Interaction]
) -> Scenario:
    """Ask for a list, publish ten positives in a category that is rare in it, ask again."""
    user_id, (kind, value) = _someone(log), usual_positive(log)
    before = recommend(environment, user_id)
    known = {event.item_id for event in log if event.user_id == user_id}
    popularity = Counter(event.item_id for event in log)
    unknown = [item for item in items if item.item_id not in known]
    unknown.sort(key=lambda item: -popularity[item.item_id])
    categories = {item.item_id: item.categories for item in items}
    category, liked = _new_taste(before, unknown, categories)
    published_s = time.time()
    _publish(environment, user_id, liked, kind, value)
    took_s = _wait_for_weights(environment, published_s)
    after, events = recommend(environment, user_id), kind if value is None else f"{kind} {value:g}"
    return Scenario(user_id, category, events, before, after, took_s, categories)


def usual_positive(log: Sequence[Interaction]) -> tuple[str, float | None]:
    """The kind of most positives of `log`, and a value that is high for them; the domain's else."""
    kinds = domain().kinds
    positives = [e for e in log if kinds[e.kind].labelled(e.value) == 1.0]
    if not positives:
        return domain().positive()
    kind, _ = Counter(event.kind for event in positives).most_common(1)[0]
    values = sorted(e.value for e in positives if e.kind == kind and e.value is not None)
    return kind, values[int(HIGH * len(values))] if values else None


def recommend(
    environment: Environment, user_id: str, recent_items: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The items of `POST /v1/recommend`.

    Args:
        recent_items: what they met last, newest first, as the page that asks knows it.
    """
    query = {"user_id": user_id, "recent_items": [*recent_items], "k": LIST_LENGTH}
    answer = _post(f"{environment.api}/v1/recommend", query)
    items: list[dict[str, Any]] = answer["items"]
    return items


def _someone(log: Sequence[Interaction]) -> str:
    """A user to whom ten events are a good part of what is known."""
    counts = Counter(event.user_id for event in log)
    return min(counts, key=lambda user: abs(counts[user] - KNOWN_EVENTS))


def _new_taste(
    shown: list[dict[str, Any]], unknown: Sequence[ItemUpsert], categories: dict[str, list[str]]
) -> tuple[str, list[str]]:
    """A category seen least in the list, and the first ten of `unknown` that are in it.

    Where no category has enough of them: an empty one, and the first ten of all.
    """
    in_list = Counter(c for place in shown for c in categories.get(place["item_id"], ()))
    sizes = Counter(category for item in unknown[:WELL_KNOWN] for category in item.categories)
    rich = [category for category, size in sizes.items() if size >= 2 * EVENTS]
    if not rich:
        return "", [item.item_id for item in unknown[:EVENTS]]
    chosen = min(rich, key=lambda category: (in_list[category], -sizes[category]))
    return chosen, [item.item_id for item in unknown if chosen in item.categories][:EVENTS]


def _publish(
    environment: Environment, user_id: str, items: list[str], kind: str, value: float | None
) -> None:
    said = {"kind": kind} if value is None else {"kind": kind, "value": value}
    events = [
        {"type": "interaction", "user_id": user_id, "item_id": item, **said} for item in items
    ]
    _post(f"{environment.api}/v1/events", events)


def _wait_for_weights(environment: Environment, since_s: float) -> float | None:
    """Seconds until the served weights know an event of `since_s` or later; None if too long.

    The log ended before, and probes are not learnt from: such events are the scenario's own.
    """
    while time.time() - since_s < PATIENCE_S:
        age_s = MetricsSample.now(environment.metrics).trained_through_age_s
        if age_s is not None and time.time() - age_s >= since_s:
            return time.time() - since_s
        time.sleep(0.2)
    return None


def _post(url: str, body: Any) -> Any:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())
