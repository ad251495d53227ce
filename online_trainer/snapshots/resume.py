"""Find where to go on: the newest sound snapshot that this code and these settings can read."""

import logging
from collections.abc import Mapping
from typing import Any, Protocol

import keras

from features.signatures import input_signatures
from features.spec import spec_hash
from millstream.errors import ConfigurationError, SnapshotError
from millstream.snapshots import Manifest, SnapshotReader
from millstream.snapshots.layout import ROLES, Role
from millstream.snapshots.signature import Signatures, arranged, common
from online_trainer.challenge.challenger import Challenger
from online_trainer.snapshots import checkpoint
from online_trainer.snapshots.carry_over import carry_over
from online_trainer.snapshots.checkpoint import Base
from online_trainer.trainer import Trainer

log = logging.getLogger(__name__)


class Builder(Protocol):
    """Makes trainers and networks of any inputs, by the same settings."""

    def models(self) -> dict[str, Any]:
        """Configuration of each model, as a manifest names it."""
        ...

    def of(self, models: Mapping[str, Any]) -> "Builder":
        """A builder of other models."""
        ...

    def challenger(self, role: Role, inputs: Signatures) -> Challenger[Any]:
        """A challenger that has learnt nothing."""
        ...

    def trainer(
        self, inputs: Signatures | None = None, *, frozen_baseline: bool = False
    ) -> Trainer:
        """A trainer that has learnt nothing."""
        ...

    def networks(self, inputs: Signatures) -> dict[Role, keras.Model]:
        """The network of each role."""
        ...


def resume(trainer: Trainer, reader: SnapshotReader, builder: Builder) -> Base | None:
    """Bring a fresh trainer to the newest usable snapshot.

    A snapshot of other inputs is usable too: what it has learnt of the inputs that are still the
    same is kept (`carry_over`). The order in which networks take their inputs is the snapshot's;
    the trainer gets learners of that order where its own have another.

    Where the settings choose another model than the snapshot has, the trainer goes on with that of
    the snapshot, and the chosen one becomes a challenger.

    Args:
        builder: of trainers like this one.

    Returns:
        What the next delta builds on; None where the trainer starts from nothing.
    """
    for version in reversed(reader.versions()):
        if reason := _unusable(reader, version):
            log.warning("Snapshot %d is passed over: %s", version, reason)
            continue
        try:
            manifest = reader.manifest(version)
            takes_deltas = _restore(trainer, reader, manifest, builder.of(manifest.models))
        except ConfigurationError as error:  # a network needs an input that is not in both lists
            log.warning("Snapshot %d is passed over: %s", version, error)
            continue
        log.info(
            "Going on from snapshot %d: offset %d, %d examples.",
            version,
            trainer.offsets.offset,
            trainer.offsets.examples,
        )
        trainer.challengers = challengers(trainer, reader, builder)
        return Base(version, checkpoint.steps(trainer), takes_deltas)
    log.info("There is no snapshot in %s: learning from the beginning.", reader.root)
    return None


def _restore(
    trainer: Trainer, reader: SnapshotReader, manifest: Manifest, builder: Builder
) -> bool:
    """Restore a snapshot, of these inputs or of others; True if the inputs are the same."""
    had = tuple(manifest.inputs_or(input_signatures(), spec_hash()) or ())
    inputs, has_baseline = arranged(trainer.inputs, had), trainer.baseline is not None
    if inputs == had:
        if (inputs, builder.models()) != (trainer.inputs, trainer.models):
            trainer.adopt(builder.trainer(inputs, frozen_baseline=has_baseline))
        checkpoint.restore(trainer, reader, manifest.version)
        return True
    old = builder.trainer(had)
    checkpoint.restore(old, reader, manifest.version)
    new = builder.trainer(inputs, frozen_baseline=has_baseline)
    carry_over(old, new, _between(old, new, builder))
    trainer.adopt(new)
    log.warning(
        "The inputs have changed since snapshot %d. New: %s. Gone: %s. All others go on.",
        manifest.version,
        _names_beyond(inputs, had),
        _names_beyond(had, inputs),
    )
    return False


def _between(old: Trainer, new: Trainer, builder: Builder) -> Mapping[Role, keras.Model]:
    """Networks of the inputs that both have."""
    shared = common(old.inputs, new.inputs)
    for trainer in (old, new):
        if shared == trainer.inputs:
            return {role: learner.network for role, learner in trainer.learners.items()}
    return builder.networks(shared)


def _names_beyond(inputs: Signatures, others: Signatures) -> str:
    """Names of those that are not among `others`."""
    return ", ".join(each.name for each in inputs if each not in others) or "none"


def challengers(
    trainer: Trainer, reader: SnapshotReader, builder: Builder
) -> list[Challenger[Any]]:
    """Challengers for the roles in which the trainer has another model than the settings choose.

    Each goes on from the newest snapshot that holds it, or that was made with it.
    """
    chosen = builder.models()
    roles = [role for role in trainer.learners if trainer.models[role] != chosen[role]]
    return [_challenger(role, trainer, reader, builder) for role in roles]


def _challenger(
    role: Role, trainer: Trainer, reader: SnapshotReader, builder: Builder
) -> Challenger[Any]:
    found = builder.challenger(role, trainer.inputs)
    for version in reversed(reader.versions()):
        try:
            manifest = reader.manifest(version)
            is_of_these = tuple(manifest.inputs) == tuple(trainer.inputs)
            if is_of_these and checkpoint.restore_challenger(found, reader, manifest):
                break
        except SnapshotError as error:
            log.warning("Snapshot %d is passed over: %s", version, error)
            found = builder.challenger(role, trainer.inputs)
    log.warning(
        "The %s %s is warmed up beside %s, from offset %d on.",
        role,
        found.model,
        trainer.models[role],
        found.offsets.offset,
    )
    return found


def _unusable(reader: SnapshotReader, version: int) -> str:
    """Why not; empty if it is usable."""
    try:
        reader.verify(version)
        manifest = reader.manifest(version)
        missing = checkpoint.missing_parts(reader.chain(version))
    except SnapshotError as error:
        return str(error)
    if manifest.is_held:
        return f"it was held by the gate: {manifest.held_because}"
    if missing:
        return f"it lacks what training needs: {', '.join(missing)}."
    inputs = manifest.inputs_or(input_signatures(), spec_hash())
    if inputs is None:
        return (
            f"it does not name its inputs, and has other features ({manifest.spec_hash}, now "
            f"{spec_hash()})."
        )
    if not common(inputs, input_signatures()):
        return "it has no input in common with the present ones."
    if manifest.models.keys() < set(ROLES):
        return f"it does not name a model of each role ({manifest.models})."
    return ""
