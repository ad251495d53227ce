"""Settings from files: a secret `NAME` may be the content of the file that `NAME_FILE` names.

So do container platforms hand secrets out; a variable can be read by whoever may look at a process.
"""

import os
from pathlib import Path
from typing import Any

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from millstream.errors import ConfigurationError

# What marks a field of the settings as one: `Field(..., json_schema_extra=SECRET)`.
SECRET: dict[str, Any] = {"secret": True}


def is_secret(model: type[BaseSettings], name: str) -> bool:
    """True if a setting may not be shown, and may come from a file."""
    extra = model.model_fields[name].json_schema_extra
    return isinstance(extra, dict) and extra.get("secret") is True


def variables(model: type[BaseSettings], name: str) -> list[str]:
    """The environment variables of a setting, the usual one first."""
    alias = model.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    prefix = model.model_config.get("env_prefix", "")
    return [alias if isinstance(alias, str) else f"{prefix}{name}".upper()]


class SecretFiles(PydanticBaseSettingsSource):
    """The source of settings that reads the files.

    Args:
        model: the settings.
        *others: the sources that read variables: a secret must come from one place.
    """

    def __init__(self, model: type[BaseSettings], *others: PydanticBaseSettingsSource) -> None:
        super().__init__(model)
        self._others = others

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The content of the setting's file, if one is named."""
        for variable in variables(self.settings_cls, field_name):
            if path := self._named(f"{variable}_FILE"):
                self._check_alone(field_name, variable)
                key = variable if field.validation_alias else field_name
                return _content(variable, path), key, False
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Every secret that has a file, by its alias or else its name."""
        fields = self.settings_cls.model_fields
        found = [
            self.get_field_value(field, name)
            for name, field in fields.items()
            if is_secret(self.settings_cls, name)
        ]
        return {key: value for value, key, _ in found if value is not None}

    def _named(self, variable: str) -> str | None:
        """The value of a variable, of the environment or of `.env`."""
        if variable in os.environ:
            return os.environ[variable]
        for source in self._others:
            values: dict[str, str | None] = getattr(source, "env_vars", {})
            if value := values.get(variable.lower()):
                return value
        return None

    def _check_alone(self, name: str, variable: str) -> None:
        for other in variables(self.settings_cls, name):
            if self._named(other):
                raise ConfigurationError(
                    f"Expected {other} or {variable}_FILE, not both of them. Received: both."
                )


def _content(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{variable}_FILE must name a readable text file. Received: {path!r}"
            f" ({type(error).__name__})."
        ) from None
