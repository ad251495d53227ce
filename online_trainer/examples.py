"""One message of the topic `examples`: from bytes to what a learner takes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.columns import arrays_from_table, keys_from_strings
from features.encode import encode
from features.spec import FEATURES
from millstream.batches import decode_table, metadata_of
from millstream.errors import InvalidEvent
from online_trainer.learners.batch import Batch

_HEAD = (
    "event_id", "source_partition", "source_offset", "event_time", "published_at", "user_id",
    "item_id", "label", "weight", "origin", "is_probe",
)  # fmt: skip
_LIKED = 0.5


def decode(message: bytes) -> pa.Table:
    """The rows of a message.

    Raises:
        InvalidEvent: it is not an Arrow batch, or a column is missing.
    """
    table = decode_table(message)
    expected = {*_HEAD, *(feature.name for feature in FEATURES)}
    if missing := sorted(expected - set(table.column_names)):
        raise InvalidEvent(f"Expected the columns of an example. Received none named {missing}.")
    if "source_topic" not in metadata_of(table):
        raise InvalidEvent("Expected `source_topic` in the schema's metadata. Received none.")
    return table


@dataclass(frozen=True)
class Examples:
    """Rows to learn from, with what is to be known of them.

    Args:
        batch: what the learners take.
        event_time, published_at: (rows,) Unix seconds.
        origin: (rows,) strings.
    """

    batch: Batch
    event_time: np.ndarray
    published_at: np.ndarray
    origin: np.ndarray

    def __len__(self) -> int:
        return len(self.batch)

    @classmethod
    def of(cls, table: pa.Table) -> "Examples":
        """Encode rows that are to be learnt from.

        Raises:
            InvalidEvent: a column has a type that cannot be encoded.
        """
        try:
            return cls._encoded(table)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError, ValueError) as error:
            raise InvalidEvent(f"Expected rows that can be encoded. Received: {error}") from error

    @classmethod
    def _encoded(cls, table: pa.Table) -> "Examples":
        event_time = _numbers(table, "event_time", np.float64)
        ids = {name: keys_from_strings(table[name]) for name in ("user_id", "item_id")}
        inputs = encode(ids, arrays_from_table(table, FEATURES), event_time)
        labels = _numbers(table, "label", np.float32)
        origin = np.asarray(table["origin"].to_pylist(), dtype=np.str_)
        batch = Batch(
            inputs={name: np.ascontiguousarray(column) for name, column in inputs.items()},
            labels=labels,
            weights=_numbers(table, "weight", np.float32),
            is_positive=(labels > _LIKED) & (origin != "sampled"),
        )
        return cls(batch, event_time, _numbers(table, "published_at", np.float64), origin)

    def take(self, places: np.ndarray | slice) -> "Examples":
        """Some of the rows."""
        rest = (column[places] for column in (self.event_time, self.published_at, self.origin))
        return Examples(self.batch.take(places), *rest)

    def slices(self, size: int) -> Iterable["Examples"]:
        """In order, at most `size` rows at a time: never two messages in one step."""
        return (self.take(slice(at, at + size)) for at in range(0, len(self), size))


def _numbers(table: pa.Table, name: str, dtype: type[np.generic]) -> np.ndarray:
    """A column without nulls: a null becomes NaN, which no learner takes."""
    column = pc.fill_null(table[name].cast(pa.float64()), float("nan"))
    return column.to_numpy().astype(dtype)
