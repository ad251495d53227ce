"""The description of a dataset in files, in TOML: where they are, and what their columns mean."""

import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from millstream.errors import ConfigurationError
from models.fields import Field


class Column(msgspec.Struct, forbid_unknown_fields=True):
    """One column, as a `Field` without the size of its table, which is a run's.

    Args:
        kind: `id` is a key; `list` is keys, or text with keys between `separator`s, cut or padded
            to `length`; `float` is a number, or a list of them cut or padded to `width`.
    """

    kind: Literal["id", "list", "float"] = "id"
    length: int = 20
    width: int = 1
    separator: str = "|"
    side: Literal["user", "item", "context", "cross"] | None = None
    group: str | None = None
    shared_with: str | None = None
    pooling: Literal["mean", "sum", "din", "transformer"] = "mean"
    target: str | None = None
    times: str | None = None
    normalise: Literal["none", "log", "standard", "quantile"] = "none"

    def field(self, name: str) -> Field:
        """The field of that name."""
        return Field(
            name,
            dtype="float" if self.kind == "float" else "id",
            width=self.width,
            length=self.length if self.kind == "list" else None,
            group=self.group,
            belongs_to=self.side,
            shared_with=self.shared_with,
            pooling=self.pooling,
            target=self.target,
            times=self.times,
            normalise=self.normalise,
        )


class Schema(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One dataset.

    Args:
        columns: by name; those that are not named here are not read. LibFM's go by their order.
        files: all rows in one part; else `train`, `test` and perhaps `valid`. Paths are relative to
            the schema's own folder.
        label: the column of the label; LibFM has its own place for it.
        positive_from: a label of this value or above is positive.
        time: the column of the time, for splits in time order.
        watched: the column of the time watched after a click: networks then learn with weights by
            which their odds become the expected watch time, see `models.losses.watch_time`.
        group: the column within whose values GAUC and ranking metrics are taken.
        format: by the ending of the first file where it is missing.
        delimiter: between the columns of a CSV file.
    """

    columns: dict[str, Column]
    files: list[str] = []
    train: list[str] = []
    valid: list[str] = []
    test: list[str] = []
    name: str | None = None
    label: str = "label"
    positive_from: float = 1.0
    time: str | None = None
    group: str | None = None
    watched: str | None = None
    format: Literal["csv", "parquet", "libfm"] | None = None
    delimiter: str = ","

    @property
    def parts(self) -> list[list[str]]:
        """The files of the training, validation and test rows; the first alone for `files`."""
        return [self.files or self.train, self.valid, self.test]

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(column.field(name) for name, column in self.columns.items())


def read(path: Path) -> Schema:
    """The schema in the file.

    Raises:
        ConfigurationError: it is not there, is no TOML, or says what cannot be; with the place.
    """
    try:
        schema = msgspec.convert(tomllib.loads(path.read_text()), Schema)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"Schema {path}: {error}") from error
    if bool(schema.files) == bool(schema.train or schema.valid or schema.test):
        raise ConfigurationError(
            f"Schema {path}: `files` must be given, or else `train` and `test`."
        )
    if not schema.files and not (schema.train and schema.test):
        raise ConfigurationError(f"Schema {path}: `train` and `test` must both be given.")
    return schema
