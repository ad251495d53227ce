"""Names in placements and formulas, which must be those of other parts of a domain."""

from collections.abc import Collection, Iterator
from typing import Any

from millstream.domain.declaration import Domain
from millstream.domain.formula import ENTITIES, formula
from millstream.domain.near import Fault, near

TEXTS = ("string", "strings")
NUMBERS = ("float", "int", "bool", "time")
# Families whose column is one number.
_ONE_NUMBER = ("count", "sum", "since", "own")


def wrong_in_lists(domain: Domain, broken: Collection[str]) -> Iterator[Fault]:
    """Faults of the names in placements and formulas; see `wrong_references`."""
    yield from _wrong_placements(domain, broken)
    yield from _wrong_formulas(domain, broken)


def _wrong_placements(domain: Domain, broken: Collection[str]) -> Iterator[Fault]:
    numbers, texts = numbers_of(domain), texts_of(domain)
    for name, placement in domain.placements.items():
        for kind in placement.seen_kinds or ():
            if kind not in domain.kinds and f"kinds.{kind}" not in broken:
                there = ", ".join(domain.kinds)
                yield f"placements.{name}.seen_kinds", f"one of the kinds ({there})", kind
        for text in placement.values:
            if text not in texts and f"item.attributes.{text}" not in broken:
                expected = f"one of the texts of items that are filterable ({', '.join(texts)})"
                yield f"placements.{name}.values.{text}", expected, text
        for number in placement.ranges:
            is_broken = {f"item.{table}.{number}" for table in ("attributes", "features")}
            if number not in numbers and not is_broken & set(broken):
                expected = f"one of the numbers of items ({', '.join(numbers)})"
                yield f"placements.{name}.ranges.{number}", expected, number


def _wrong_formulas(domain: Domain, broken: Collection[str]) -> Iterator[Fault]:
    named = {f"placements.{name}.score": each.score for name, each in domain.placements.items()}
    if domain.score is not None:
        named["score.formula"] = domain.score.formula
    if any(path.startswith("tasks") for path in broken):
        return
    for path, text in named.items():
        yield from wrong_names_of(domain, path, text, broken)


def wrong_names_of(
    domain: Domain, path: str, text: str | None, broken: Collection[str] = ()
) -> Iterator[Fault]:
    """Faults of the names in a formula; there is none in no formula."""
    known = score_names(domain)
    for name in formula(text).names if text else ():
        entity, _, own = name.rpartition(".")
        is_broken = {f"{entity}.{table}.{own}" for table in ("attributes", "features")}
        if name not in known and not (entity and is_broken & set(broken)):
            meant = near(name, known).removeprefix("; ")
            hint = f" ({meant or ', '.join(known)})"
            yield path, f"a formula over tasks, and numbers of items and users{hint}", name


def score_names(domain: Domain) -> list[str]:
    """Names that a formula may have: scores of tasks, then numbers of items and users."""
    return [*domain.outputs(), *numbers_with_entity(domain)]


def numbers_with_entity(domain: Domain) -> list[str]:
    """Numbers of items and of users, as formulas name them: `item.price`."""
    return [
        f"{entity}.{name}"
        for entity in ENTITIES
        for name, type_ in _types(domain, entity).items()
        if type_ in (*NUMBERS, *_ONE_NUMBER)
    ]


def _types(domain: Domain, entity: Any) -> dict[str, str]:
    """Type of each attribute, and family of each feature, by name."""
    side = domain.side(entity)
    attributes = {name: each.type for name, each in side.attributes.items()}
    return attributes | {name: each.family for name, each in side.features.items()}


def texts_of(domain: Domain) -> list[str]:
    """Names of the texts of an item that a list can be filtered by."""
    return [
        name
        for name, attribute in domain.item.attributes.items()
        if attribute.type in TEXTS and getattr(attribute, "filterable", False)
    ]


def numbers_of(domain: Domain) -> list[str]:
    """Names of the numbers of an item that a list can be filtered by."""
    attributes = [
        name
        for name, attribute in domain.item.attributes.items()
        if attribute.type in NUMBERS and getattr(attribute, "filterable", False)
    ]
    kept = [name for name, each in domain.item.features.items() if each.family in _ONE_NUMBER]
    return [*attributes, *kept]
