"""Reading of `domain.toml`: every fault of it at once."""

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from millstream.domain.declaration import Domain
from millstream.domain.faults import line, lines_of, path_of
from millstream.domain.references import wrong_references
from millstream.errors import ConfigurationError

FILE_NAME = "domain.toml"
# By table, how deep a part of it is, where that is not three.
_DEPTHS = {"kinds": 2, "tasks": 2, "placements": 2, "context": 2, "score": 1}


class DomainError(ConfigurationError):
    """A domain file that cannot work.

    Args:
        file: where it is.
        faults: a line each, with path, what was expected and what came.
    """

    def __init__(self, file: Path, faults: list[str]) -> None:
        self.file = file
        self.faults = faults
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__("\n".join([f"{file} has {count}:", *(f"  {each}" for each in faults)]))


def read_domain(folder: Path) -> Domain:
    """The domain in a project's folder.

    Raises:
        DomainError: there is no file, it is not TOML, or it has faults; all of them.
    """
    file = folder / FILE_NAME
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DomainError(file, [f"A file must be there: {error.strerror}."]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DomainError(file, [f"It must be TOML: {error}."]) from error
    domain, faults = checked(given)
    if domain is None:
        raise DomainError(file, faults)
    return domain


def checked(given: Mapping[str, Any]) -> tuple[Domain | None, list[str]]:
    """The domain that `given` says, or None and the faults of it.

    Parts that have faults of their own are left out for the second look, at the names that parts
    have for one another, so that both come at once.
    """
    try:
        domain = Domain.model_validate(given)
        faults: list[str] = []
        broken: set[str] = set()
    except ValidationError as error:
        errors = error.errors()
        faults = lines_of(errors, given)
        broken = {_part(path_of(each, given)) for each in errors}
        try:
            domain = Domain.model_validate(_without(given, broken))
        except ValidationError:
            return None, faults
    wrong = [line(*each) for each in wrong_references(domain, broken)]
    return (domain if not faults and not wrong else None), [*faults, *wrong]


def _part(path: str) -> str:
    """Path of the part that a fault is in: `kinds.NAME`, `user.attributes.NAME`, `user.recnet`."""
    parts = path.split(".")
    return ".".join(parts[: _DEPTHS.get(parts[0], 3)])


def _without(given: Mapping[str, Any], paths: set[str]) -> Any:
    kept: Any = deepcopy(given)
    for path in paths:
        *above, name = path.split(".")
        place = kept
        for part in above:
            place = place.get(part, {}) if isinstance(place, dict) else {}
        if isinstance(place, dict):
            place.pop(name, None)
    return kept
