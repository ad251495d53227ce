"""A dataset in memory: columns of keys and floats, a label, and what else is known of each row."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xxhash

from millstream.errors import DatasetError
from models.fields import Field

TRAIN, VALID, TEST = 0, 1, 2


@dataclass(frozen=True)
class Dataset:
    """Rows to learn from and to score.

    Args:
        name: of the dataset.
        fields: what the columns are. `width` and `rows` of ids are left open: they are a run's.
        columns: by field: ids as integer keys, (n,) or (n, length), 0 for none; floats, (n,) or
            (n, width).
        labels: (n,) 0 or 1.
        times: (n,) when each row happened, in any unit; None where it is not known.
        groups: (n,) integers for metrics within groups, such as the users; None for none.
        parts: (n,) `TRAIN`, `VALID` or `TEST` where the dataset comes in parts.
        weights: (n,) of the rows in the loss of networks, 0 or more; None is 1.

    Raises:
        DatasetError: columns that do not fit the fields, labels other than 0 and 1, weights that
            are negative or no numbers, no rows.
    """

    name: str
    fields: tuple[Field, ...]
    columns: Mapping[str, np.ndarray]
    labels: np.ndarray
    times: np.ndarray | None = None
    groups: np.ndarray | None = None
    parts: np.ndarray | None = None
    weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.labels)
        if not n:
            raise DatasetError(f"Dataset {self.name!r} must have rows. Received: none.")
        for field in self.fields:
            found = self.columns[field.name].shape if field.name in self.columns else None
            if found != (n, *field.shape):
                raise DatasetError(
                    f"Column {field.name!r} of dataset {self.name!r} must have the shape "
                    f"{(n, *field.shape)}. Received: {found}."
                )
        if not np.isin(self.labels, (0, 1)).all():
            raise DatasetError(f"Labels of dataset {self.name!r} must be 0 or 1.")
        if self.weights is not None and not (self.weights >= 0).all():
            raise DatasetError(f"Weights of dataset {self.name!r} must be numbers from 0 on.")

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def digest(self) -> str:
        """A fingerprint of everything in it: two datasets with the same one give the same runs."""
        hashed = xxhash.xxh3_128()
        hashed.update(repr(self.fields).encode())
        arrays = [self.columns[f.name] for f in self.fields]
        for array in (*arrays, self.labels, self.times, self.groups, self.parts):
            hashed.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        if self.weights is not None:
            hashed.update(np.ascontiguousarray(self.weights).tobytes())
        return hashed.hexdigest()
