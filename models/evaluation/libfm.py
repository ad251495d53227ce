"""Files of LibFM: a row a line, `label feature:value feature:value ...`; .gz and .zst are unpacked.

Every line must have its fields at the same places. A place whose values are all 1 is an id; one
that always has the same feature is a float.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from millstream.errors import ConfigurationError, DatasetError
from models.evaluation.dataset import TEST, TRAIN, VALID, Dataset
from models.fields import Field

PARTS = {1: (TRAIN,), 2: (TRAIN, TEST), 3: (TRAIN, VALID, TEST)}


def load(
    paths: Sequence[Path], fields: Sequence[Field] | None = None, name: str | None = None
) -> Dataset:
    """The rows of one to three files: train, validation, test.

    Args:
        fields: what the places are; `f0`, `f1`, ... where they are not named.
        name: of the dataset; that of the first file's folder where it is not given.

    Raises:
        ConfigurationError: the number of files or of fields does not fit.
        DatasetError: a file that cannot be read.
    """
    if len(paths) not in PARTS:
        raise ConfigurationError(f"`libfm` takes one to three files. Received: {len(paths)}.")
    read = [_read(path) for path in paths]
    labels, keys, values = (np.concatenate(each) for each in zip(*read, strict=True))
    is_id = (values == 1).all(axis=0)
    wrong = np.flatnonzero(~is_id & (keys != keys[:1]).any(axis=0))
    if len(wrong):
        raise DatasetError(
            f"Place {wrong[0]} of {paths[0].name} must be an id (values of 1) or a float (one "
            f"feature). Received: both."
        )
    fields = fields or [Field(f"f{i}", "id" if is_id[i] else "float") for i in range(len(is_id))]
    if len(fields) != len(is_id):
        raise ConfigurationError(
            f"`columns` must name the {len(is_id)} places of {paths[0].name}. "
            f"Received: {len(fields)}."
        )
    sizes = [len(part[0]) for part in read]
    return Dataset(
        name or paths[0].resolve().parent.name,
        tuple(fields),
        {
            # Feature 0 is one like the others, and key 0 is padding.
            field.name: keys[:, i] + 1 if field.is_id else values[:, i].astype(np.float32)
            for i, field in enumerate(fields)
        },
        (labels > 0).astype(np.float32),
        parts=np.repeat(PARTS[len(paths)], sizes) if len(paths) > 1 else None,
    )


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels (n,), features (n, places) and their values (n, places)."""
    try:
        with pa.input_stream(str(path), compression="detect") as file:
            text = file.read()
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    lines = text.split(b"\n")
    lines = [line for line in lines if line.strip()]
    entries = {line.count(b":") for line in lines}
    if len(entries) != 1:
        raise DatasetError(
            f"Every line of {path} must have the same number of features. "
            f"Received: {sorted(entries)[:5]}."
        )
    (places,) = entries
    try:
        numbers = np.array(b" ".join(lines).replace(b":", b" ").split(), np.float64)
        numbers = numbers.reshape(len(lines), 1 + 2 * places)
    except ValueError as error:
        raise DatasetError(f"{path} is not in the format of LibFM: {error}") from error
    return numbers[:, 0], numbers[:, 1::2].astype(np.int64), numbers[:, 2::2]
