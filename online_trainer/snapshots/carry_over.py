"""Trainer of other inputs: what it keeps of the one before it.

Embedding tables that an unchanged input reads go on to the last bit, with their optimiser's slots
and the counts of rare ids. Dense weights, and their optimiser's slots, go on slice by slice
(`kept_weights`). So do the counts of steps, the progressive metrics and the offsets.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from millstream.snapshots.layout import Role, TableRows
from millstream.snapshots.signature import Signatures, common
from models.alignment import Alignment, Places
from models.split import split
from models.tables import TableSpec
from online_trainer.embeddings import state as tables_state
from online_trainer.embeddings.slab import EmbeddingSlab
from online_trainer.embeddings.state import TablesState
from online_trainer.learners.learner import OnlineLearner
from online_trainer.snapshots.kept_weights import KeptWeight, as_array, carry_weights
from online_trainer.trainer import Trainer

_POOL = "pool/"


def carry_over(old: Trainer, new: Trainer, networks: Mapping[Role, keras.Model]) -> None:
    """Bring a fresh trainer to where another one, with other inputs, has come.

    Args:
        old: with what it has learnt.
        new: fresh; what both have stands in the same order in both.
        networks: of the inputs that both have, in that order, by role.
    """
    shared = common(old.inputs, new.inputs)
    for role, learner in new.learners.items():
        before, between = old.learners[role], networks[role]
        kept = carry_weights(before.network, learner.network, between)
        _carry_slots(before.dense.optimiser, learner.dense.optimiser, kept)
        _carry_tables(before, learner, between, {each.table for each in shared})
        learner.restore_memory(_memory(before, learner, shared))
        learner.step = before.step
    for task, progress in new.progress_by_task.items():
        progress.restore(old.progress_by_task[task].state())
    new.drift.restore(old.drift.state())
    new.offsets = old.offsets


def _carry_slots(old: Any, new: Any, kept: Sequence[KeptWeight]) -> None:
    """Optimiser slots and counts of steps; the slots of new slices are those of a new weight."""
    before = {_name(variable): variable for variable in old.variables}
    by_name = {each.new.path.replace("/", "_"): each for each in kept}
    for variable in new.variables:
        name = _name(variable)
        if name not in before:
            continue
        weight = max((w for w in by_name if name.startswith(f"{w}_")), key=len, default=None)
        value = as_array(before[name])
        if weight is not None and variable.shape == by_name[weight].new.shape:
            value = by_name[weight].carried(value, as_array(variable))
        variable.assign(value)


def _name(variable: keras.Variable) -> str:
    """Name of an optimiser's variable; the number that Keras gives a second optimiser left out.

    The slots of a weight carry its name, whichever optimiser has it.
    """
    owner, _, name = variable.path.partition("/")
    return (
        f"{owner.rstrip('_0123456789')}/{name}" if name in ("iteration", "learning_rate") else name
    )


def _carry_tables(
    old: OnlineLearner, new: OnlineLearner, between: keras.Model, shared: Collection[str | None]
) -> None:
    state = tables_state.export(old.tables)
    widths = {
        name: table.width
        for name, table in split(between).tables.items()
        if name.partition(":")[0] in shared
    }
    for name, width in widths.items():
        slab, spec = _slab(new, name)
        before = state.rows[name].vectors.shape[1]
        if spec.width != before:  # one that has a part for every field
            _widen(
                state,
                slab,
                spec,
                Alignment(between, old.network).places(width, before, {}),
                Alignment(between, new.network).places(width, spec.width, {}),
            )
    tables_state.restore(new.tables, state, widths)


def _widen(
    state: TablesState, slab: EmbeddingSlab, table: TableSpec, before: Places, after: Places
) -> None:
    """Rows of another width: what they keep, and first values for the rest."""
    rows = state.rows[table.name]
    first = table.init.rows(rows.ids, table.width, table.name)
    first[:, after] = rows.vectors[:, before]
    state.rows[table.name] = TableRows(rows.ids, first, rows.removed)
    for name, slot in slab.optimiser.slots.items():
        if slot.per_value:
            key = f"{table.name}/slot/{name}"
            fresh = np.full(first.shape, slot.initial, np.float32)
            fresh[:, after] = state.training[key][:, before]
            state.training[key] = fresh


def _slab(learner: OnlineLearner, table: str) -> tuple[EmbeddingSlab, TableSpec]:
    slab = learner.tables.slabs[learner.tables.groups[table]]
    return slab, next(spec for spec in slab.tables if spec.name == table)


def _memory(old: OnlineLearner, new: OnlineLearner, shared: Signatures) -> dict[str, np.ndarray]:
    """State beside weights and tables; items that wait in a pool have no value of a new input."""
    memory, names = old.memory(), {f"{_POOL}{each.name}" for each in shared}
    for name, empty in new.memory().items():
        if name.startswith(_POOL) and empty.ndim and name not in names:
            rows = len(memory[f"{_POOL}item_id"])
            memory[name] = np.zeros((rows, *empty.shape[1:]), empty.dtype)
    return memory
