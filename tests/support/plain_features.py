"""Feature values the slow way: summed up anew from all events, in plain Python."""

from collections.abc import Sequence
from typing import Any

from features.entity_rule import EntityRule
from features.families import Affinity, Count, Family, LastTime, Recent, UpdatedAt, ValueSum
from features.history import History
from features.update import Update


def in_order(updates: Sequence[Update]) -> list[Update]:
    """Events by time, those of the same instant by their fingerprints."""
    return sorted(updates, key=lambda update: (update.time, update.order))


def plain(feature: Family, updates: Sequence[Update], lists: Sequence[str]) -> dict[str, Any]:
    """The columns of one feature after all of the events, as of the newest of them.

    Args:
        lists: the order of the updates' lists.
    """
    ordered = in_order(updates)
    now = ordered[-1].time if ordered else 0.0
    match feature:
        case UpdatedAt():
            return {feature.name: now}
        case Count():
            counted = [u for n, u in enumerate(ordered) if _counts(feature, u, ordered[:n])]
            return {feature.name: sum(_left(u, now, feature.half_life_s) for u in counted)}
        case ValueSum():
            of = [u for u in ordered if not feature.kinds or u.kind in feature.kinds]
            left = [(u.value or 0.0) * _left(u, now, feature.half_life_s) for u in of]
            return {feature.name: sum(left)}
        case LastTime():
            times = [u.time for u in ordered if u.kind in feature.kinds]
            return {feature.name: max(times, default=0.0)}
        case Recent():
            met = [u for u in ordered if not feature.kinds or u.kind in feature.kinds]
            newest = {u.item_id: u.time for u in met}
            items = list(dict.fromkeys(u.item_id for u in reversed(met)))[: feature.length]
            kept = {feature.times: [newest[i] for i in items]} if feature.times else {}
            return {feature.name: items, **kept}
        case Affinity():
            place = list(lists).index(feature.to)
            sums: dict[str, list[float]] = {}
            for update in ordered:
                for entry in update.lists[place][: feature.depth]:
                    both = sums.setdefault(entry, [0.0, 0.0])
                    both[0] += _left(update, now, feature.half_life_s)
                    both[1] += _left(update, now, feature.half_life_s) * update.positive
            return {feature.name: sums}
    raise TypeError(f"No plain rule for {feature!r}.")


def columns(rule: EntityRule, history: History) -> dict[str, Any]:
    """The stored columns of an entity's newest state."""
    newest = rule.states_of([history.newest])
    return {name: column[0].as_py() for name, column in rule.arrow(newest).items()}


def found(feature: Family, row: dict[str, Any]) -> dict[str, Any]:
    """What `plain` gives, from stored columns."""
    if not isinstance(feature, Affinity):
        return {feature.name: row[feature.name]}
    both = zip(row[feature.events_column], row[feature.positives_column], strict=True)
    pairs = zip(row[feature.name], map(list, both), strict=True)
    return {feature.name: dict(pairs)}


def _counts(feature: Count, update: Update, earlier: Sequence[Update]) -> bool:
    if not isinstance(feature.of, str):
        return update.kind in feature.of
    if feature.of == "people":
        known = {other.voter for other in earlier if other.positive}
        return update.positive and update.voter not in known
    return update.positive or feature.of == "events"


def _left(update: Update, now: float, half_life_s: float) -> float:
    return 2.0 ** (-(now - update.time) / half_life_s)
