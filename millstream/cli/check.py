"""`millstream check`: every fault of a domain file."""

import json
import sys
from collections.abc import Iterator, Sized
from pathlib import Path

import click

from millstream.domain import FILE_NAME, Domain, DomainError, project_folder, read_domain
from millstream.domain.declaration import Entity
from millstream.errors import ConfigurationError
from millstream.own_code import load

ENTITIES: tuple[Entity, ...] = ("user", "item")


@click.command()
@click.argument(
    "folder",
    metavar="[DIR]",
    required=False,
    type=click.Path(file_okay=False, path_type=Path),
)
@click.option("--json", "as_json", is_flag=True, help="Faults as JSON, for scripts.")
def check(folder: Path | None, as_json: bool) -> None:
    """Read the domain file of a project and show every fault: where, what was expected, what came.

    DIR is the project's folder; without it that of MILLSTREAM_PROJECT, else the working folder.
    Ends with 0 for a file without faults, with 1 for one that has some.

    \b
    Examples:
      millstream check my-shop
      millstream check my-shop --json
    """
    folder = folder or project_folder()
    try:
        domain = read_domain(folder)
        if faults := list(_own_code(domain, folder)):
            raise DomainError(folder / FILE_NAME, faults)
    except DomainError as error:
        click.echo(_as_json(error) if as_json else str(error), err=not as_json)
        sys.exit(1)
    click.echo(json.dumps({"faults": []}) if as_json else _summary(domain))


def _own_code(domain: Domain, folder: Path) -> Iterator[str]:
    """Faults of the Python that the file names."""
    for name, placement in domain.placements.items():
        own = [("rules", rule) for rule in placement.rules]
        own += [("sources", source) for source in placement.sources or () if ":" in source]
        for key, named in own:
            try:
                load(named, folder)
            except ConfigurationError as error:
                yield f"`placements.{name}.{key}`: {error}"
    yield from _own_features(domain, folder)


def _own_features(domain: Domain, folder: Path) -> Iterator[str]:
    from features.feature import View
    from features.from_domain import own_feature

    for entity in ENTITIES:
        for name, declared in domain.side(entity).features.items():
            if declared.family == "own":
                try:
                    own_feature(f"{entity}_{name}", View(entity, entity), declared, folder)
                except ConfigurationError as error:
                    yield f"`{entity}.features.{name}`: {error}"


def _as_json(error: DomainError) -> str:
    return json.dumps({"file": str(error.file), "faults": error.faults}, indent=1)


def _summary(domain: Domain) -> str:
    sides = [
        f"{name} with {_count(each.attributes, 'attribute')} and {_count(each.features, 'feature')}"
        for name, each in (("users", domain.user), ("items", domain.item))
    ]
    if domain.placements:
        sides.append(_count(domain.placements, "placement"))
    return f"{domain.name} has no fault: {_count(domain.kinds, 'kind')}, {', '.join(sides)}."


def _count(named: Sized, word: str) -> str:
    number = len(named)
    return f"{number} {word}{'' if number == 1 else 's'}"
