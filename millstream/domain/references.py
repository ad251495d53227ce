"""Names in a domain that must be those of other parts of it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from millstream.domain.declaration import Domain
from millstream.domain.formula import ENTITIES
from millstream.domain.list_references import wrong_in_lists
from millstream.domain.near import Fault

# Keys of features that name counts of the same entity.
_COUNTS_OF = {"rate": ("of", "over"), "trend": ("fast", "slow")}
_CONTEXT = ("hour_of_day", "day_of_week")
_RECENT = ("user.features", "recent")
# Names that Millstream itself gives to columns of an entity.
_TAKEN = frozenset({"id", "updated_at"})


def wrong_references(domain: Domain, broken: Collection[str]) -> Iterator[Fault]:
    """Faults of the names in `domain`.

    Args:
        broken: paths of parts that were left out of `domain` since they have faults of their own:
            what names them is none.
    """
    yield from _wrong_kinds(domain, broken)
    yield from _wrong_tasks(domain, broken)
    for entity in ("user", "item"):
        yield from _wrong_names(domain, entity, broken)
    yield from _wrong_roles(domain, broken)
    yield from _wrong_counts(domain, broken)
    yield from _wrong_affinities(domain, broken)
    yield from _wrong_kind_lists(domain, broken)
    yield from _wrong_columns(domain)
    yield from wrong_in_lists(domain, broken)


def _wrong_kinds(domain: Domain, broken: Collection[str]) -> Iterator[Fault]:
    if any(path.startswith("kinds.") for path in broken):
        return
    teaches = [kind for kind in domain.kinds.values() if kind.labelled_by_value or kind.label == 1]
    if not teaches:
        expected = "at least one kind whose `label` is 1, or with `label_from`"
        yield "kinds", expected, list(domain.kinds)


def _wrong_tasks(domain: Domain, broken: Collection[str]) -> Iterator[Fault]:
    there = ", ".join(domain.kinds)
    for name, task in domain.tasks.items():
        for key in ("positives", "negatives", "numbers"):
            for kind in getattr(task, key):
                if kind not in domain.kinds and f"kinds.{kind}" not in broken:
                    yield f"tasks.{name}.{key}", f"one of the kinds ({there})", kind
        for each, kinds in task.classes.items():
            for kind in kinds:
                if kind not in domain.kinds and f"kinds.{kind}" not in broken:
                    yield f"tasks.{name}.classes.{each}", f"one of the kinds ({there})", kind
        if task.classes and name in ENTITIES:
            yield f"tasks.{name}", "of a name other than `user` and `item`", name
    first = next(iter(domain.tasks), None)
    if first is not None and domain.tasks[first].classes:
        expected = "after a binary or regression task: lists are ranked by the first one"
        yield f"tasks.{first}", expected, first


def _wrong_names(domain: Domain, entity: Any, broken: Collection[str]) -> Iterator[Fault]:
    side = domain.side(entity)
    for name in side.features:
        if name in side.attributes or f"{entity}.attributes.{name}" in broken:
            yield f"{entity}.features.{name}", "a name that no attribute has", name
    for table in ("attributes", "features"):
        for name in getattr(side, table):
            if name in _TAKEN:
                yield f"{entity}.{table}.{name}", "a name other than `id` and `updated_at`", name


def _wrong_roles(domain: Domain, broken: Collection[str]) -> Iterator[Fault]:
    item, user = domain.item, domain.user
    attributes = {name: each.type for name, each in item.attributes.items()}
    counts = {name: each.family for name, each in item.features.items()}
    families = {name: each.family for name, each in user.features.items()}
    for path, name, table, types, wanted in (
        ("item.title", item.title, "item.attributes", attributes, "string"),
        ("item.groups", item.groups, "item.attributes", attributes, "strings"),
        ("item.created", item.created, "item.attributes", attributes, "time"),
        ("item.available_from", item.available_from, "item.attributes", attributes, "time"),
        ("item.available_until", item.available_until, "item.attributes", attributes, "time"),
        ("item.in_stock", item.in_stock, "item.attributes", attributes, "bool"),
        ("item.popularity", item.popularity, "item.features", counts, "count"),
        ("item.trending", item.trending, "item.features", counts, "count"),
        ("user.recent", user.recent, "user.features", families, "recent"),
    ):
        if name is not None:
            yield from _wrong(path, name, table, types, wanted, broken)


def _wrong_counts(domain: Domain, broken: Collection[str]) -> Iterator[Fault]:
    for entity in ("user", "item"):
        features: Mapping[str, Any] = domain.side(entity).features
        families = {name: each.family for name, each in features.items()}
        for name, feature in features.items():
            for key in _COUNTS_OF.get(feature.family, ()):
                path, table = f"{entity}.features.{name}.{key}", f"{entity}.features"
                yield from _wrong(path, getattr(feature, key), table, families, "count", broken)


def _wrong_affinities(domain: Domain, broken: Collection[str]) -> Iterator[Fault]:
    lists: dict[str, Mapping[str, str]] = {
        "item.attributes": {name: each.type for name, each in domain.item.attributes.items()},
        "user.features": {name: each.family for name, each in domain.user.features.items()},
    }
    for path, feature in _features(domain):
        if feature.family != "affinity":
            continue
        entity, _, name = feature.to.partition(".")
        if path.startswith(entity):
            yield f"{path}.to", "a list of the other side", feature.to
            continue
        table, wanted = ("item.attributes", "strings") if entity == "item" else _RECENT
        yield from _wrong(f"{path}.to", name, table, lists[table], wanted, broken)


def _wrong_kind_lists(domain: Domain, broken: Collection[str]) -> Iterator[Fault]:
    there = ", ".join(domain.kinds)
    for path, feature in _features(domain):
        for key in ("of", "kinds"):
            named = getattr(feature, key, None)
            for kind in named if isinstance(named, tuple) else ():
                if kind not in domain.kinds and f"kinds.{kind}" not in broken:
                    yield f"{path}.{key}", f"one of the kinds ({there})", kind


def _wrong_columns(domain: Domain) -> Iterator[Fault]:
    """Features whose columns or inputs have the name of another one's."""
    owners = {
        f"{entity}_{name}": f"{entity}.attributes.{name}"
        for entity in ("user", "item")
        for name in domain.side(entity).attributes
    } | dict.fromkeys(_CONTEXT, "")
    owners |= {f"context_{name}": f"context.{name}" for name in domain.context}
    for path, feature in _features(domain):
        for column in _columns(path, feature):
            if owners.setdefault(column, path) not in (
                path,
                path.replace("features", "attributes"),
            ):
                yield path, f"of names that nothing else has, as `{column}`", path.split(".")[-1]


def _columns(path: str, feature: Any) -> Iterator[str]:
    """Names that a feature gives to columns and inputs."""
    entity, _, name = path.split(".")
    yield f"{entity}_{name}"
    if feature.family == "affinity":
        entry = feature.entry or name
        yield from (f"{entity}_{entry}_events", f"{entity}_{entry}_positives")
        yield from (f"{entry}_affinity", f"{entry}_familiarity")
    if feature.family == "recent" and feature.times:
        yield f"{entity}_{name}_times"


def _features(domain: Domain) -> Iterator[tuple[str, Any]]:
    """(path, feature) of every feature."""
    for entity in ("user", "item"):
        for name, feature in domain.side(entity).features.items():
            yield f"{entity}.features.{name}", feature


def _wrong(
    path: str,
    name: str,
    table: str,
    types: Mapping[str, str],
    wanted: str,
    broken: Collection[str],
) -> Iterator[Fault]:
    if types.get(name) == wanted or f"{table}.{name}" in broken:
        return
    fitting = [each for each, kind in types.items() if kind == wanted]
    word = "type" if table.endswith("attributes") else "family"
    there = ", ".join(fitting) or "there is none"
    yield path, f"one of [{table}] of {word} `{wanted}` ({there})", name
