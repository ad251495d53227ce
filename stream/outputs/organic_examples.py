"""Examples of events without a list, and of the negatives drawn for them, as Arrow tables.

Their features are those of the histories, as of the event's own time. An event makes a row for each
task that it has a label for, and its negatives one for each of these that it is a positive of.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.attributes import AttributeVersion, Versions, newest, version_at
from features.entity_rule import ITEM_RULE, USER_RULE
from features.families.family import States
from features.feature import Feature
from features.rows import Columns, value_columns
from features.spec import ITEM_ATTRIBUTES, USER_ATTRIBUTES, features_of
from stream.outputs.examples import ORGANIC, SAMPLED, rows_of
from stream.state.entities import Item, User

_USER_ATTRIBUTES = features_of(USER_ATTRIBUTES)
_ITEM_ATTRIBUTES = features_of(ITEM_ATTRIBUTES)


class AttributeVersions:
    """Attributes of some entities, each distinct version once, by number."""

    def __init__(self, entities: Sequence[User] | Sequence[Item]) -> None:
        self._all: list[Versions] = [entity.versions for entity in entities]
        latest = [newest(versions) for versions in self._all]
        distinct = {id(version): version for version in latest}
        numbers = {key: number for number, key in enumerate(distinct)}
        self.versions: list[AttributeVersion] = list(distinct.values())
        self._newest = np.array([numbers[id(version)] for version in latest], np.int64)
        self._since = np.array([version.time for version in self.versions])[self._newest]

    def at(self, entities: np.ndarray, times: np.ndarray) -> np.ndarray:
        """The numbers of the versions that hold at times, (rows,) as both arguments."""
        found = self._newest[entities]
        for row in np.flatnonzero(self._since[entities] > times).tolist():
            found[row] = len(self.versions)
            self.versions.append(version_at(self._all[entities[row]], float(times[row])))
        return found

    def columns(self, numbers: np.ndarray, features: Sequence[Feature]) -> Columns:
        """The columns of (rows,) versions."""
        distinct, row_of = np.unique(numbers, return_inverse=True)
        values = [self.versions[number].values for number in distinct.tolist()]
        rows = pa.array(row_of)
        return {name: column.take(rows) for name, column in value_columns(values, features).items()}


@dataclass(frozen=True)
class EntityColumns:
    """One kind of entity, as examples see it; rows are in some order of examples.

    Args:
        ids: of all entities.
        entities: (rows,) which.
        states: (rows,) right before the example's time.
        versions: (rows,) numbers in `table`.
    """

    ids: Sequence[str]
    entities: np.ndarray
    states: States
    versions: np.ndarray
    table: AttributeVersions

    def names(self) -> pa.StringArray:
        """The id of each row."""
        return pa.array(self.ids, pa.string()).take(pa.array(self.entities))


@dataclass(frozen=True)
class OrganicEvents:
    """Events without a list that want examples, and their users; (events,) each.

    Args:
        users: of the events.
        context: columns of the events' context.
    """

    event_ids: Sequence[str]
    partitions: np.ndarray
    offsets: np.ndarray
    times: np.ndarray
    is_probe: np.ndarray
    users: EntityColumns
    context: Columns

    def columns(self) -> Columns:
        """The columns of examples that are of the event and its user."""
        return {
            "event_id": pa.array(self.event_ids, pa.string()),
            "source_partition": pa.array(self.partitions, pa.int32()),
            "source_offset": pa.array(self.offsets, pa.int64()),
            "event_time": pa.array(self.times),
            "user_id": self.users.names(),
            "is_probe": pa.array(self.is_probe),
            **self.context,
            **USER_RULE.arrow(self.users.states, self.times),
            **self.users.table.columns(self.users.versions, _USER_ATTRIBUTES),
        }


@dataclass(frozen=True)
class OrganicExamples:
    """Events without a list and their items; (events,) each but where something else is said.

    Args:
        events: columns of `OrganicEvents`.
        labels: (events, tasks), NaN where an event has none for a task.
        wants: (tasks,) whether positives of a task have negatives.
        weights: in the loss; that of a negative is 1.
        items: (rows,): each event's own item, then its negatives.
        negatives: how many negatives each has.
        probabilities, oversampling: (rows,) of the draws; see `stream.state.known_items.Drawn`.
    """

    events: Columns
    times: np.ndarray
    labels: np.ndarray
    wants: np.ndarray
    weights: np.ndarray
    items: EntityColumns
    negatives: np.ndarray
    probabilities: np.ndarray
    oversampling: np.ndarray

    @property
    def event_of(self) -> np.ndarray:
        """(rows of items,) which event each is of."""
        return np.repeat(np.arange(len(self.times)), self.negatives + 1)

    def unpublished(self) -> tuple[pa.Table, np.ndarray]:
        """The rows for `stream.outputs.examples.published`, and which event each is of."""
        event_of = self.event_of
        starts = np.cumsum(self.negatives + 1) - (self.negatives + 1)
        number = np.arange(len(event_of)) - starts[event_of]
        is_own = number == 0
        expanded = pa.table(self.events).take(pa.array(event_of)).combine_chunks()
        columns = {name: expanded[name].chunk(0) for name in self.events}
        columns |= {
            "row": pa.array(number.astype(np.int16)),
            "item_id": self.items.names(),
            "weight": _float32(np.where(is_own, self.weights[event_of], 1.0)),
            "origin": pa.array(np.where(is_own, ORGANIC, SAMPLED).astype(np.int8)),
            "sampled_probability": _float32(self.probabilities),
            "oversampling": _float32(self.oversampling),
            "position": pa.array(np.full(len(event_of), -1, np.int16)),
            **ITEM_RULE.arrow(self.items.states, self.times[event_of]),
            **self.items.table.columns(self.items.versions, _ITEM_ATTRIBUTES),
        }
        item, task = self._taught(event_of, is_own)
        labels = np.where(is_own[item], self.labels[event_of[item], task], 0.0)
        if len(item) != len(event_of) or self.labels.shape[1] > 1:
            columns = {name: column.take(pa.array(item)) for name, column in columns.items()}
        columns |= {"label": _float32(labels), "task": pa.array(task.astype(np.int8))}
        return rows_of(columns, len(item)), event_of[item]

    def _taught(self, event_of: np.ndarray, is_own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which item and task each row is of: event by event, then task by task."""
        has_label = ~np.isnan(self.labels)
        has_negatives = self.wants & (self.labels == 1.0)
        item, task = np.nonzero(
            np.where(is_own[:, None], has_label[event_of], has_negatives[event_of])
        )
        order = np.lexsort((item, task, event_of[item]))
        return item[order], task[order]


def _float32(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.float32))
