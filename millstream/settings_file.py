"""Settings in a TOML file, as `millstream tune` writes and `millstream backtest` compares them.

The file that `MILLSTREAM_SETTINGS_FILE` names holds for every command; a variable says more.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from millstream.errors import ConfigurationError

VARIABLE = "MILLSTREAM_SETTINGS_FILE"
_PREFIX = "millstream_"


class SettingsFile(PydanticBaseSettingsSource):
    """The source of settings that reads the file, if one is named."""

    def __init__(self, model: type[BaseSettings]) -> None:
        super().__init__(model)
        path = os.environ.get(VARIABLE)
        self._values = read(Path(path)) if path else {}
        if unknown := sorted(set(self._values) - set(model.model_fields)):
            raise ConfigurationError(f"{path}: expected settings. Received: {unknown[0]!r}.")

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The value that the file has for a setting."""
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Every setting of the file, by its name."""
        return dict(self._values)


def read(path: Path) -> dict[str, Any]:
    """The values of a file, by the name of the setting, in small letters and without our prefix.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return named(tomllib.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read as TOML: {error}") from error


def named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the name of the setting.

    >>> named({"MILLSTREAM_RANKER": "lr", "batch_size ": 64})
    {'ranker': 'lr', 'batch_size': 64}
    """
    return {name.strip().lower().removeprefix(_PREFIX): value for name, value in values.items()}
