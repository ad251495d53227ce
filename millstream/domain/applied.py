"""The record of the domain that was applied last, in the installation's data folder."""

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from millstream.domain.declaration import Domain
from millstream.domain.reading import FILE_NAME, checked
from millstream.errors import ConfigurationError

RECORD_NAME = "applied-domain.json"


@dataclass(frozen=True)
class Applied:
    """The domain file that was applied last.

    Args:
        domain: as this version reads it.
        text: of the file.
        at_s: Unix seconds.
    """

    domain: Domain
    text: str
    at_s: float


def applied_in(data_dir: Path) -> Applied | None:
    """The domain that was applied last; None where none was.

    Raises:
        ConfigurationError: the record cannot be read.
    """
    file = data_dir / RECORD_NAME
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        domain, faults = checked(tomllib.loads(record["text"]))
        at_s = float(record["applied_at"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{file} must be the record of `millstream apply`. Received: {error!r}. "
            "Remove it to plan as if nothing had been applied."
        ) from error
    if domain is None:
        raise ConfigurationError(
            f"{file} must hold a domain that this version reads. Received: {' '.join(faults)} "
            "Remove it to plan as if nothing had been applied."
        )
    return Applied(domain, record["text"], at_s)


def record(data_dir: Path, folder: Path, now_s: float) -> Path:
    """Record that the domain in `folder` is applied; returns the file.

    The file is replaced as a whole.
    """
    file = data_dir / RECORD_NAME
    data_dir.mkdir(parents=True, exist_ok=True)
    text = (folder / FILE_NAME).read_text(encoding="utf-8")
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps({"applied_at": now_s, "text": text}, indent=1), encoding="utf-8")
    os.replace(beside, file)
    return file
