"""The domain of this process: that of its project folder."""

import os
from functools import lru_cache
from pathlib import Path

from dotenv import dotenv_values

from millstream.domain.declaration import Domain
from millstream.domain.reading import FILE_NAME, read_domain

VARIABLE = "MILLSTREAM_PROJECT"
TEMPLATES = Path(__file__).resolve().parents[2] / "examples"
DEFAULT = "films"


_base: Path | None = None


def look_from(folder: Path) -> None:
    """Let `folder` stand for the working folder where the project is looked for."""
    global _base
    _base = folder


def project_folder(base: Path | None = None) -> Path:
    """The project's folder.

    It is that of `MILLSTREAM_PROJECT` (environment, else `.env`); else `base` where it holds a
    `domain.toml`; else the template `films`.

    Args:
        base: what a relative folder is meant from, and where `.env` is: the working folder.
    """
    base = base or _base or Path.cwd()
    named = os.environ.get(VARIABLE) or dotenv_values(base / ".env").get(VARIABLE)
    if named:
        return base / Path(named).expanduser()
    return base if (base / FILE_NAME).is_file() else TEMPLATES / DEFAULT


@lru_cache(maxsize=1)
def domain() -> Domain:
    """The domain of this process, read once.

    Raises:
        DomainError: it has faults; all of them.
    """
    return read_domain(project_folder())
