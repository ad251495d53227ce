"""Variants of one installation that are compared on the same questions: settings and rhythms."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from millstream import settings_file
from millstream.errors import ConfigurationError
from millstream.settings import Settings
from simulation.cadence import Cadence


@dataclass(frozen=True)
class Variant:
    """One run.

    Args:
        name: in tables.
    """

    name: str
    settings: Settings
    cadence: Cadence


def variants(
    settings: Settings, compared: Sequence[str], rhythms: Mapping[str, Cadence]
) -> list[Variant]:
    """Every set of settings with every rhythm; the first is the one that the report is about.

    Args:
        compared: files of settings in TOML, or `NAME=VALUE[,NAME=VALUE...]`; none is the settings
            as they are.
        rhythms: by name.

    Raises:
        ConfigurationError: a file cannot be read, or a setting is not one.
    """
    sets = {text: changed(settings, given(text)) for text in compared} or {"": settings}
    return [
        Variant(", ".join(filter(None, (text, rhythm if len(rhythms) > 1 else ""))), own, cadence)
        for text, own in sets.items()
        for rhythm, cadence in rhythms.items()
    ]


def given(text: str) -> dict[str, Any]:
    """Values by the name of the setting.

    >>> given("retrieval_candidates=200,ranker=dcn_v2")
    {'retrieval_candidates': 200, 'ranker': 'dcn_v2'}

    Raises:
        ConfigurationError: it is neither a file nor NAME=VALUE.
    """
    if text.endswith(".toml"):
        return settings_file.read(Path(text))
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(name and equals for name, equals, _ in pairs):
        raise ConfigurationError(
            f"--compare expects a file of settings (.toml) or NAME=VALUE[,NAME=VALUE...]. "
            f"Received: {text!r}."
        )
    return settings_file.named({name: _value(value) for name, _, value in pairs})


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """`settings` with other values, checked.

    Raises:
        ConfigurationError: there is no such setting, or the value is none for it.
    """
    known = type(settings).model_fields
    if unknown := [name for name in values if name not in known]:
        raise ConfigurationError(f"Expected a setting. Received: {unknown[0]!r}.")
    try:
        return type(settings)(**{**settings.model_dump(exclude_unset=True), **values})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"Setting {where}: {first['msg']}.") from error


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
