"""A trainer's whole state as the parts of a snapshot, and back."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from millstream.snapshots import Manifest, SnapshotReader
from millstream.snapshots.layout import (
    ROLES,
    Role,
    below,
    dense_part,
    tables_from,
    tables_part,
    training_part,
)
from millstream.snapshots.manifest import directory_name
from models.weights import assign_weights, weight_arrays
from online_trainer.challenge.challenger import Challenger
from online_trainer.embeddings import state as tables_state
from online_trainer.embeddings.state import TablesState
from online_trainer.io.offsets import Offsets
from online_trainer.learners.learner import OnlineLearner
from online_trainer.learners.ranker import Ranker
from online_trainer.trainer import Trainer

Arrays = dict[str, np.ndarray]
Parts = dict[str, Arrays]

PROGRESS = "progress"
_CHALLENGER = "challenger-"  # before the parts of one
_ROLE_PARTS = (dense_part, tables_part, training_part)


class Base(NamedTuple):
    """The snapshot that the next delta builds on.

    Args:
        version: of the snapshot.
        steps: of each learner at it, by role.
        takes_deltas: False where the trainer's networks have other inputs than it has.
    """

    version: int
    steps: dict[str, int]
    takes_deltas: bool = True


def steps(trainer: Trainer) -> dict[str, int]:
    """How many steps each learner has taken, by role."""
    return {role: learner.step for role, learner in trainer.learners.items()}


def parts(trainer: Trainer, base: Base | None) -> Parts:
    """Copies of everything, or, of the tables, what changed since `base`.

    Challengers are in whole ones alone: from there they can learn up to the present again.
    """
    found: Parts = {PROGRESS: _prefixed("metrics", trainer.progress.state())}
    found[PROGRESS] |= _prefixed("drift", trainer.drift.state())
    for task, further in trainer.further.items():
        found[PROGRESS] |= _prefixed(f"tasks/{task}", further.state())
    if trainer.lists is not None:
        found[PROGRESS] |= _prefixed("lists", trainer.lists.state())
    if trainer.baseline is not None:
        found[PROGRESS] |= _prefixed("comparison", trainer.baseline.state())
    for role, learner in trainer.learners.items():
        found |= _learner_parts(role, learner, None if base is None else base.steps[role])
    if base is None:
        for challenger in trainer.challengers:
            found |= _challenger_parts(challenger)
    return found


def missing_parts(chain: Iterable[Manifest]) -> list[str]:
    """Files that `restore` reads and the chain lacks, such as `v00000003/progress`."""
    own = [PROGRESS, *(part(role) for role in ROLES for part in _ROLE_PARTS)]
    return [
        f"{directory_name(manifest.version)}/{part}"
        for manifest in chain
        for part in own
        if f"{part}.safetensors" not in manifest.checksums
    ]


def restore(trainer: Trainer, reader: SnapshotReader, version: int) -> None:
    """Bring a fresh trainer to where the snapshot `version` was taken.

    Raises:
        SnapshotCorrupt: a file of its chain is missing or does not match its checksum.
    """
    chain = reader.chain(version)
    newest = chain[-1]
    for role, learner in trainer.learners.items():
        _restore_learner(role, learner, reader, chain)
    progress = reader.arrays(newest, PROGRESS)
    trainer.progress.restore(below("metrics", progress))
    trainer.drift.restore(below("drift", progress))
    if trainer.lists is not None and (lists := below("lists", progress)):
        trainer.lists.restore(lists)
    for task, further in trainer.further.items():
        further.restore(below(f"tasks/{task}", progress))
    trainer.offsets = _offsets(newest)
    trainer.erased_through = float(newest.extra.get("erased_through", 0.0))
    frozen_at = newest.extra.get("baseline_version")
    if (
        trainer.baseline is not None
        and frozen_at is not None
        and (frozen := reader.manifest(frozen_at)).inputs == newest.inputs
        and frozen.models == newest.models
    ):
        restore_ranker(trainer.baseline.ranker, reader, frozen_at)
        trainer.baseline.version = frozen_at
        trainer.baseline.restore(below("comparison", progress))


def restore_challenger(
    challenger: Challenger[Any], reader: SnapshotReader, manifest: Manifest
) -> bool:
    """Bring a fresh challenger to where the snapshot has it, or the one that its role has there.

    Returns:
        False where the snapshot has neither: nothing was done.

    Raises:
        SnapshotCorrupt: a file is missing or does not match its checksum.
    """
    role, own = challenger.role, manifest.extra.get("challengers", {}).get(challenger.role, {})
    if (
        own.get("model") == challenger.model
        and f"{_window(role)}.safetensors" in manifest.checksums
    ):
        _restore_learner(role, challenger.learner, reader, [manifest], _CHALLENGER)
        challenger.window.restore(reader.arrays(manifest, _window(role)))
        challenger.offsets = msgspec.convert(own["offsets"], Offsets)
    elif manifest.models.get(role) == challenger.model and not manifest.is_held:
        _restore_learner(role, challenger.learner, reader, reader.chain(manifest.version))
        challenger.offsets = _offsets(manifest)
    else:
        return False
    return True


def restore_ranker(ranker: Ranker, reader: SnapshotReader, version: int) -> None:
    """Bring a fresh ranker alone to the snapshot `version`."""
    _restore_learner("ranker", ranker, reader, reader.chain(version))


def update_ranker(ranker: Ranker, parts: Parts) -> None:
    """Bring a ranker that is at the parent of a delta to the delta."""
    training, rows = parts[training_part("ranker")], tables_from(parts[tables_part("ranker")])
    tables_state.restore(ranker.tables, TablesState(rows, below("tables", training)))
    assign_weights(ranker.network, parts[dense_part("ranker")])


def _learner_parts(role: Role, learner: OnlineLearner, since: int | None) -> Parts:
    tables = tables_state.export(learner.tables, since)
    training = _prefixed("tables", tables.training)
    training |= _prefixed("dense", learner.dense.state())
    training |= _prefixed("memory", learner.memory())
    training["step"] = np.array(learner.step)
    rows: Arrays = {}
    for name, table in tables.rows.items():
        rows |= table.arrays(name)
    return {
        dense_part(role): weight_arrays(learner.network),
        tables_part(role): rows,
        training_part(role): training,
    }


def _challenger_parts(challenger: Challenger[Any]) -> Parts:
    own = _learner_parts(challenger.role, challenger.learner, None)
    found = {f"{_CHALLENGER}{part}": arrays for part, arrays in own.items()}
    return {**found, _window(challenger.role): challenger.window.state()}


def _window(role: Role) -> str:
    return f"{_CHALLENGER}{role}.window"


def _restore_learner(
    role: Role,
    learner: OnlineLearner,
    reader: SnapshotReader,
    chain: list[Manifest],
    prefix: str = "",
) -> None:
    for manifest in chain:
        training = reader.arrays(manifest, f"{prefix}{training_part(role)}")
        rows = tables_from(reader.arrays(manifest, f"{prefix}{tables_part(role)}"))
        tables_state.restore(learner.tables, TablesState(rows, below("tables", training)))
    assign_weights(learner.network, reader.arrays(chain[-1], f"{prefix}{dense_part(role)}"))
    learner.dense.restore(below("dense", training))
    learner.restore_memory(below("memory", training))
    learner.step = int(training["step"])


def _offsets(manifest: Manifest) -> Offsets:
    (offset,) = manifest.offsets.values()
    return Offsets.restored(
        offset,
        manifest.source_marks,
        manifest.trained_through_event_time,
        manifest.examples,
        manifest.log,
    )


def _prefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    return {f"{prefix}/{name}": array for name, array in arrays.items()}
