"""Interactions by what a person writes: a dataset that is fetched, or a file."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from millstream.errors import DatasetError
from models.evaluation.lists.protocols import Interactions


def load(text: str) -> Interactions:
    """The interactions that `text` names.

    Args:
        text: `ml-100k`, every rating an interaction; or a file with `user item` or `user item time`
            a line, numbers or names, apart by spaces or `::` (`.gz` and `.zst` are unpacked). In
            MovieLens' own four columns the third, the rating, is not read. Without times, lines are
            in the order of time.

    Raises:
        DatasetError: it cannot be read, or its lines are of another kind.
    """
    if text == "ml-100k":
        from millstream.datasets import ml_100k

        ratings = ml_100k.load().tables.ratings
        columns = ([getattr(r, n) for r in ratings] for n in ("user_id", "item_id", "timestamp"))
        users, items, times = map(np.array, columns)
        return numbered(users, items, times.astype(np.float64))
    return _read(Path(text))


def numbered(users: np.ndarray, items: np.ndarray, times_s: np.ndarray | None) -> Interactions:
    """The same with users and items as numbers from 0."""
    known_users, user = np.unique(users, return_inverse=True)
    known_items, item = np.unique(items, return_inverse=True)
    return Interactions(user, item, times_s, len(known_users), len(known_items))


def _read(path: Path) -> Interactions:
    try:
        with pa.input_stream(str(path), compression="detect") as file:
            text = file.read()
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    lines = [line for line in text.replace(b"::", b" ").split(b"\n") if line.strip()]
    widths = {len(line.split()) for line in lines}
    if len(widths) != 1 or not widths <= {2, 3, 4}:
        raise DatasetError(
            f"Every line of {path} must be `user item`, `user item time` or MovieLens' four "
            f"columns. Received lines of {sorted(widths)[:5]} columns."
        )
    (width,) = widths
    columns = np.array(b" ".join(lines).split()).reshape(len(lines), width)
    try:
        times = columns[:, -1].astype(np.float64) if width > 2 else None
    except ValueError as error:
        raise DatasetError(f"{path} must have numbers as times: {error}") from error
    return numbered(columns[:, 0], columns[:, 1], times)
