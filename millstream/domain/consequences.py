"""Consequences of a change of the domain for stored data."""

from collections.abc import Mapping
from typing import Any

from millstream.domain.features import NOT_STORED

# Of each thing that an installation keeps, what happens to it.
Consequences = Mapping[str, str]

# Keys that change nothing that is stored, only what is let in or asked for.
_DOORS = frozenset({"max_characters", "sensitive", "filterable", "bounds", "value"})
# Keys by which an item counts as seen.
_SEEN = frozenset({"seen", "seen_for", "seen_kinds"})
_INPUT_KEYS = frozenset({"encoding", "scale", "table", "entry"})
# Keys of features by which state is cut or gets room, and goes on.
_SIZES = frozenset({"top", "length", "tracked"})

_NEW_INPUT = "take the new input with rows of its own; all else that they learnt goes on"
_SCORED = "are ranked by the new formula some seconds after `apply`, without a restart"
_LOST_INPUT = "drop the input and its rows; all else that they learnt goes on"
_CHANGED_INPUT = "learn the input anew; all else that they learnt goes on"


def consequences(
    path: str, action: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Consequences:
    """Consequences of changing the part at `path`, by what is kept."""
    match path.split("."):
        case ["tasks"]:
            return {"lists": "are ranked by it from the first snapshot that has it on"}
        case ["tasks", _]:
            return _of_task(action, {*before, *after})
        case ["kinds", name]:
            return _of_kind(name, action, before, after)
        case ["context", name]:
            return _of_context(name, action)
        case ["score"]:
            return {"lists": _SCORED}
        case ["placements", name]:
            return _of_placement(name, action, {*before, *after})
        case [entity, "attributes", name]:
            return _of_attribute(entity, name, action, {*before, *after})
        case [entity, "features", name]:
            return _of_feature(entity, name, action, before, after)
        case ["time_zone"]:
            return {"models": "learn `hour_of_day` and `day_of_week` by the new zone's clock"}
        case ["user", "recent"]:
            return {
                "lists": "leave out the items of that feature",
                "examples": "draw no negatives from them",
            }
        case ["item", ("available_from" | "available_until" | "in_stock") as role]:
            anew = {"models": _CHANGED_INPUT} if role == "in_stock" else {}
            return anew | {
                "lists": f"go by it as `{role}` from serving's restart on",
                "examples": "draw no negatives from what is not available, by what upserts say "
                "from the stream's restart on",
            }
        case ["item", role]:
            return {"lists": f"go by it as `{role}` from serving's restart on"}
    return {}


def _of_kind(
    name: str, action: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Consequences:
    match action:
        case "added":
            return {"events": f"of kind `{name}` are accepted from the workers' restart on"}
        case "removed":
            return {
                "events": f"of kind `{name}` are refused: dead letters, or 422 over HTTP",
                "examples": "that it has made stay; what was learnt of them, too",
            }
    keys = {*before, *after} - _DOORS
    found = {}
    if keys & _SEEN:
        found["lists"] = "count items as seen by it as the new rule says, from the next event on"
    if keys - _SEEN:
        found["examples"] = "are made by the new rule from the next event on; older ones stay"
    return found


def _of_context(name: str, action: str) -> Consequences:
    match action:
        case "added":
            return {"examples": "of before have the default", "models": _NEW_INPUT}
        case "removed":
            return {"models": _LOST_INPUT, "lists": f"are logged with `{name}` as before"}
    return {"models": _CHANGED_INPUT}


def _of_placement(name: str, action: str, keys: set[str]) -> Consequences:
    if action == "removed":
        return {"requests": f"for placement `{name}` are refused from serving's restart on"}
    if keys == {"score"}:
        return {"lists": _SCORED}
    found = {"lists": "of it are made by the new rule from serving's restart on"}
    if keys & _SEEN:
        found["state"] = "what counts as seen by it is remembered from the stream's restart on"
    return found


def _of_task(action: str, keys: set[str]) -> Consequences:
    found = {}
    if action != "changed" or keys & {"kind", "scale", "classes"}:
        found["models"] = "get a ranker with these heads, which begins from the retained examples"
    elif "weight" in keys:
        found["models"] = "weigh its examples so from the trainer's restart on"
    if action == "removed":
        return {"examples": "of it are passed over", **found}
    if action == "added" or keys - {"weight"}:
        found["examples"] = "are made by the new rule from the next event on; older ones stay"
    return found


def _of_attribute(entity: str, name: str, action: str, keys: set[str]) -> Consequences:
    column, view = f"{entity}_{name}", f"{entity}_attributes"
    match action:
        case "added":
            return {
                "state": f"`{column}` is its default until the next upsert of each {entity}",
                "examples": "of before have the default",
                "models": _NEW_INPUT,
                "Feast": f"`{column}` is added to the view `{view}`",
            }
        case "removed":
            return {
                "events": f"with the attribute `{name}` are refused, or taken without it "
                "(MILLSTREAM_UNKNOWN_FIELDS)",
                "models": _LOST_INPUT,
                "Feast": f"`{column}` is taken from the view `{view}`; its Parquet column stays",
            }
    if not keys - _DOORS:
        return {"events": "are checked by the new rule"}
    found = {"models": _CHANGED_INPUT}
    if keys - _DOORS - _INPUT_KEYS:
        found["state"] = "stored values of another type count as missing until the next upsert"
        found["Feast"] = f"`{column}` changes in the view `{view}`"
    return found


def _of_feature(
    entity: str, name: str, action: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Consequences:
    column, view = f"{entity}_{name}", f"{entity}_stats"
    if NOT_STORED & {before.get("family"), after.get("family")}:
        return {"models": _LOST_INPUT if action == "removed" else _NEW_INPUT}
    match action:
        case "added":
            return {
                "state": f"`{column}` is back-filled from the log, or begins empty (`apply "
                "--no-backfill`); every other feature keeps its state",
                "examples": "of before have the default",
                "models": _NEW_INPUT,
                "Feast": f"`{column}` is added to the view `{view}`",
            }
        case "removed":
            return {
                "state": f"`{column}` is no longer kept up; it stays in the store until "
                "`apply --prune`, every other feature keeps its state",
                "models": _LOST_INPUT,
                "Feast": f"`{column}` is taken from the view `{view}`; its Parquet column stays",
            }
    if {*before, *after} == {"times"}:
        return _of_times(column, view, bool(after["times"]))
    if not {*before, *after} - _INPUT_KEYS - _SIZES:
        return {"models": _CHANGED_INPUT}
    return {
        "state": f"`{column}` begins anew; every other feature keeps its state",
        "models": _CHANGED_INPUT,
    }


def _of_times(column: str, view: str, are_kept: bool) -> Consequences:
    """Consequences of keeping the times of a recent list, or no longer."""
    if are_kept:
        return {
            "state": f"`{column}` goes on; the times of what is in it are not known",
            "examples": "of before have no times",
            "models": _NEW_INPUT,
            "Feast": f"`{column}_times` is added to the view `{view}`",
        }
    return {
        "state": f"`{column}` goes on without its times",
        "models": _LOST_INPUT,
        "Feast": f"`{column}_times` is taken from the view `{view}`; its Parquet column stays",
    }
