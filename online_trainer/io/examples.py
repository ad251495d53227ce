"""One message of the topic `examples`: from bytes to what a learner takes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features import labels
from features.columns import Arrays, arrays_from_rows, arrays_from_table, keys_from_strings
from features.context import CONTEXT, arrays_from_examples
from features.encode import encode
from features.rows import arrow_type
from features.spec import FEATURES
from millstream.batches import decode_table, metadata_of
from millstream.errors import InvalidEvent
from online_trainer.learners.batch import Batch

_HEAD: dict[str, pa.DataType] = {
    "event_id": pa.string(),
    "source_partition": pa.int32(),
    "source_offset": pa.int64(),
    "event_time": pa.float64(),
    "published_at": pa.float64(),
    "user_id": pa.string(),
    "item_id": pa.string(),
    "label": pa.float32(),
    "weight": pa.float32(),
    "oversampling": pa.float32(),
    "origin": pa.string(),
    "is_probe": pa.bool_(),
}
_SHARE, _TASK, _PROPENSITY = "sampled_probability", "task", "propensity"
_POSITION = "position"
_VECTORS = frozenset(f.name for f in FEATURES if f.encoding and f.dtype.startswith("float"))
# Columns of a row that a message may lack: each has a default.
_MAY_LACK = {feature.name for feature in FEATURES} | {column.name for column in CONTEXT}
_TYPES = {
    **_HEAD,
    _SHARE: pa.float32(),
    _TASK: pa.string(),
    _PROPENSITY: pa.float32(),
    _POSITION: pa.int16(),
    **{feature.name: arrow_type(feature) for feature in FEATURES},
    **{column.name: pa.string() for column in CONTEXT},
}
# Columns of an example that are no feature and that nothing here reads.
_UNREAD = frozenset({"row"})
# A column as it is, and, of strings, with each distinct one written once.
_READ = {
    name: (kind, pa.dictionary(pa.int32(), kind), pa.dictionary(pa.int8(), kind))
    for name, kind in _TYPES.items()
}
# Columns that messages from before them lack, and what stands for them.
_DEFAULTS = {"oversampling": 1.0}
_LIKED = 0.5
# What a message may claim at the most. Kafka's limit of 1 MiB leaves room for far less; what only
# claims more is found out before memory is set aside for it.
_MOST_ROWS = 1_000_000
_MOST_TEXT = 256
# What a row's place and times may be: beyond them they would stand in the way of all later rows.
_RANGES = {
    "source_partition": (0, 100_000),
    "source_offset": (0, 2**53),
    "event_time": (0, 32_503_680_000),  # until the year 3000: milliseconds are no seconds
    "published_at": (0, 32_503_680_000),
}


class Differences(NamedTuple):
    """Columns in which a message differs from the present list of features.

    Args:
        unknown: in the message alone: ignored. Sorted.
        missing: in the list alone, or in the context: each row has the default. Sorted.
    """

    unknown: list[str]
    missing: list[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Differences":
        """Of a message with these columns."""
        names = set(names)
        return cls(
            sorted(names - _TYPES.keys() - _UNREAD),
            sorted(_MAY_LACK - names),
        )


class Message(NamedTuple):
    """One message of the topic.

    Args:
        table: rows in columns of the types that an example has; features may be missing.
        differences: from the present list of features.
    """

    table: pa.Table
    differences: Differences


def decode(message: bytes) -> Message:
    """The rows of a message, in columns of the types that an example has.

    It may have been made with another list of features, before or after a change of it.

    Raises:
        InvalidEvent: it is not a sound Arrow batch, a column that every example has is missing, or
            a column cannot be read as its type.
    """
    try:
        table = decode_table(message)
        if len(table) > _MOST_ROWS:
            raise InvalidEvent(f"Expected at most {_MOST_ROWS} rows. Received: {len(table)}.")
        table.validate(full=True)
        if not metadata_of(table).get("source_topic", ""):
            raise InvalidEvent("Expected `source_topic` in the schema's metadata. Received none.")
        return Message(_typed(table), Differences.of(table.column_names))
    except (pa.ArrowException, ArithmeticError, MemoryError, TypeError, ValueError) as error:
        reason = str(error)[:_MOST_TEXT]
        raise InvalidEvent(f"Expected an Arrow batch of examples. Received: {reason}") from error


def _typed(table: pa.Table) -> pa.Table:
    for name, value in _DEFAULTS.items():
        if name not in table.column_names:
            column = pa.array(np.full(len(table), value, np.float32))
            table = table.append_column(name, column)
    names = table.column_names
    if missing := sorted(_HEAD.keys() - set(names)):
        raise InvalidEvent(f"Expected the columns of an example. Received none named {missing}.")
    if len(set(names)) < len(names):
        raise InvalidEvent("Expected each column once. Received several of one name.")
    own = table.select([name for name in _TYPES if name in names])
    for place, given in enumerate(own.schema):
        if given.type not in _READ[given.name]:
            cast = _cast(own.column(place), given, _TYPES[given.name])
            own = own.set_column(place, given.name, cast)
    return own


def _cast(column: pa.ChunkedArray, field: pa.Field, kind: pa.DataType) -> pa.ChunkedArray:
    try:
        return column.cast(kind)
    except pa.ArrowException as error:
        reason = f"Expected {kind}. Received {str(field.type)[:_MOST_TEXT]}: "
        raise InvalidEvent(reason + str(error)[:_MOST_TEXT], f"$.{field.name}") from error


def usable(table: pa.Table) -> np.ndarray:
    """(rows,) bool: which rows say where they come from, when, and whether they are a probe."""
    found: np.ndarray = table["is_probe"].is_valid().to_numpy()
    for name, (least, most) in _RANGES.items():
        values = table[name].to_numpy()  # a null is NaN, which is in no range
        found &= (values >= least) & (values <= most)
    return found


def task_places(table: pa.Table) -> np.ndarray:
    """(rows,) int32 place of each row's task among the domain's; -1 of a name that is none of them.

    Rows without the column are of the only task, or of the first.
    """
    if _TASK not in table.column_names:
        return np.zeros(len(table), np.int32)
    names = pa.array([task.name for task in labels.TASKS])
    found = pc.index_in(table[_TASK].cast(pa.string()), names)
    places: np.ndarray = pc.fill_null(found, -1).to_numpy().astype(np.int32)
    return places


@dataclass(frozen=True)
class ExampleBatch:
    """A batch of training examples with metadata.

    Args:
        batch: what the learners take.
        event_time, published_at: (rows,) Unix seconds.
        origin: (rows,) strings.
        features: of the rows as they came, by name, and the context; (rows, ...) each.
    """

    batch: Batch
    event_time: np.ndarray
    published_at: np.ndarray
    origin: np.ndarray
    features: Arrays = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.batch)

    @classmethod
    def of(cls, table: pa.Table) -> "ExampleBatch":
        """Encode rows that are to be learnt from.

        Raises:
            InvalidEvent: a column has a type that cannot be encoded.
        """
        try:
            return cls._encoded(table)
        except (pa.ArrowException, LookupError, TypeError, ValueError) as error:
            raise InvalidEvent(f"Expected rows that can be encoded. Received: {error}") from error

    @classmethod
    def _encoded(cls, table: pa.Table) -> "ExampleBatch":
        event_time = _numbers(table, "event_time", np.float64)
        ids = {name: keys_from_strings(table[name]) for name in ("user_id", "item_id")}
        raw = {
            **_defaults(table),
            **arrays_from_table(table, FEATURES),
            **arrays_from_examples(table),
        }
        inputs = encode(ids, raw, event_time)
        weights = _numbers(table, "weight", np.float32)
        weights[~_finite(raw, len(table))] = np.nan  # encoded they would be within bounds
        labels = _numbers(table, "label", np.float32)
        origin = _origins(table)
        is_sampled = origin == "sampled"
        oversampling = _numbers(table, "oversampling", np.float32)
        oversampling[~(oversampling > 0)] = np.nan
        tasks = task_places(table)
        is_number = _are_numbers()[tasks]
        labels[_is_no_class(labels, tasks)] = np.nan
        # What is drawn more often than uniformly counts less: metrics are those of uniform draws.
        weights[is_sampled] /= oversampling[is_sampled]
        batch = Batch(
            inputs={name: np.ascontiguousarray(column) for name, column in inputs.items()},
            labels=labels,
            weights=weights,
            is_positive=_firsts(table, (labels > _LIKED) & ~is_sampled & ~is_number),
            groups=_groups(table, tasks),
            log_odds=np.log(oversampling),
            is_shown=are_shown(origin),
            is_late=origin == "corrected",
            positions=_positions(table, are_shown(origin)),
            kept=_kept(table, tasks, is_sampled, oversampling),
            tasks=tasks,
            is_number=is_number,
        )
        published_at = _numbers(table, "published_at", np.float64)
        return cls(batch, event_time, published_at, origin, raw)

    def weighted(self, factors: np.ndarray) -> "ExampleBatch":
        """The same rows, with weights times `factors`, (rows,)."""
        return replace(self, batch=replace(self.batch, weights=self.batch.weights * factors))

    def take(self, places: np.ndarray | slice) -> "ExampleBatch":
        """Some of the rows."""
        return ExampleBatch(
            self.batch.take(places),
            self.event_time[places],
            self.published_at[places],
            self.origin[places],
            {name: column[places] for name, column in self.features.items()},
        )

    def slices(self, size: int) -> Iterator["ExampleBatch"]:
        """In order, at most `size` rows at a time: never two messages in one step.

        Rows of one event and task stay together, unless they are more than `size`.
        """
        begins = np.flatnonzero(np.diff(self.batch.groups, prepend=-1))
        at = 0
        while at < len(self):
            end = min(at + size, len(self))
            if end < len(self):
                cut = int(begins[np.searchsorted(begins, end, side="right") - 1])
                end = cut if cut > at else end
            yield self.take(slice(at, end))
            at = end


def propensity_weights(table: pa.Table, limit: float) -> np.ndarray:
    """(rows,) float32: min(1 / propensity, limit) of shown items, 1 of all others.

    What exploration shows seldom then counts as if it were shown as often as all else. Reference:
    Schnabel et al., ICML 2016, https://arxiv.org/abs/1602.05352, eq. 10; clipped.
    """
    if _PROPENSITY not in table.column_names:
        return np.ones(len(table), np.float32)
    given = _numbers(table, _PROPENSITY, np.float64)
    counts = are_shown(_origins(table)) & (given > 0) & (given <= 1)
    weights = np.minimum(1.0 / np.where(counts, given, 1.0), limit)
    return weights.astype(np.float32)


def _defaults(table: pa.Table) -> Arrays:
    """The features that a message lacks, at their defaults: (rows,) or (rows, length) each."""
    missing = [feature for feature in FEATURES if feature.name not in table.column_names]
    one = arrays_from_rows([{}], missing)
    return {name: np.repeat(value, len(table), axis=0) for name, value in one.items()}


def _are_numbers() -> np.ndarray:
    """(tasks,) bool: whose labels are numbers."""
    return np.array([not task.is_binary for task in labels.TASKS])


def _is_no_class(given: np.ndarray, tasks: np.ndarray) -> np.ndarray:
    """(rows,) bool: of a multi-class task, and not the label of one of its classes."""
    classes = np.array([len(task.classes) for task in labels.TASKS])[tasks]
    return (classes > 0) & ~((given >= 0) & (given < classes))


def _kept(
    table: pa.Table, tasks: np.ndarray, is_sampled: np.ndarray, oversampling: np.ndarray
) -> np.ndarray:
    """(rows,) float32 in (0, 1]: the share of negatives like a row that the sample has.

    Of n negatives that were drawn for a task of an event, each with probability p, the sample has a
    share of about n p of all that might have been. The event's own row has the mean of theirs.
    Where nothing was drawn, or what is given is no probability, the share is 1. Rows that were
    drawn more often than uniformly weigh less by as much: p is that of a uniform draw.
    """
    kept = np.ones(len(table), np.float32)
    if _SHARE not in table.column_names or not is_sampled.any():
        return kept
    given = _numbers(table, _SHARE, np.float64) / oversampling
    given[~((given > 0) & (given <= 1))] = 1.0
    offset, partition = (table[f"source_{name}"].to_numpy() for name in ("offset", "partition"))
    _, event = np.unique(np.stack([offset, partition, tasks]), axis=1, return_inverse=True)
    event = event.ravel()
    drawn = np.bincount(event, is_sampled)
    total = np.bincount(event, is_sampled * given)
    own = np.where(drawn > 0, total, 1.0)  # n times the mean of p
    shares = np.where(is_sampled, drawn[event] * given, own[event])
    return np.minimum(shares, 1.0).astype(np.float32)


def _finite(raw: Arrays, rows: int) -> np.ndarray:
    """(rows,) bool: no feature that is a number, or a vector, is infinite or NaN."""
    found = np.ones(rows, np.bool_)
    for name, values in raw.items():
        if values.dtype.kind == "f" and values.ndim == 1:
            found &= np.isfinite(values)
        elif name in _VECTORS:
            found &= np.isfinite(values).all(axis=1)
    return found


def _groups(table: pa.Table, tasks: np.ndarray) -> np.ndarray:
    """(rows,) int32: the number of each row's event and task, whose rows stand together."""
    begins = _events(table) | (np.diff(tasks, prepend=-1) != 0)
    return (np.cumsum(begins) - 1).astype(np.int32)


def _events(table: pa.Table) -> np.ndarray:
    """(rows,) bool: which rows are the first of their event."""
    partitions, offsets = (table[f"source_{n}"].to_numpy() for n in ("partition", "offset"))
    return (np.diff(partitions, prepend=-1) != 0) | (np.diff(offsets, prepend=-1) != 0)


def _firsts(table: pa.Table, is_positive: np.ndarray) -> np.ndarray:
    """(rows,) bool: of the positives of one event, which are of several tasks, the first."""
    event = np.cumsum(_events(table))[is_positive]
    found = is_positive.copy()
    found[is_positive] = np.diff(event, prepend=-1) != 0
    return found


def _origins(table: pa.Table) -> np.ndarray:
    """(rows,) strings; each takes the room of the longest, so what is no origin is cut."""
    column = pc.utf8_slice_codeunits(pc.fill_null(table["origin"].cast(pa.string()), ""), 0, 16)
    return np.asarray(column.to_pylist(), dtype=np.str_)


def _positions(table: pa.Table, is_shown: np.ndarray) -> np.ndarray:
    """(rows,) int32 places in lists; -1 where there is none."""
    if _POSITION not in table.column_names:
        return np.full(len(table), -1, np.int32)
    given = pc.fill_null(table[_POSITION].cast(pa.int32()), -1).to_numpy()
    return np.where(is_shown, given, -1).astype(np.int32)


def are_shown(origin: np.ndarray) -> np.ndarray:
    """(rows,) bool: of a list, with its first label or a late positive."""
    return (origin == "impression") | (origin == "corrected")


def _numbers(table: pa.Table, name: str, dtype: type[np.generic]) -> np.ndarray:
    """A column without nulls: a null becomes NaN, which no learner takes."""
    column = pc.fill_null(table[name].cast(pa.float64()), float("nan"))
    return column.to_numpy().astype(dtype)
