"""One run: a next-item model on a log, and how it trains."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from millstream.errors import ConfigurationError
from models.entry import Entry
from models.sequences.reading import SequenceLog


@dataclass(frozen=True)
class SequenceTraining:
    """How a run trains.

    Args:
        width: values per embedding row.
        length: of histories.
        batch_size: users per step.
        epochs: at most.
        patience: epochs without a better NDCG@10 of the validation lists before training stops.
        learning_rate: of Adam.
        negatives: of the loss; None is the loss's own.
        calibration: the t of gBCE.
        hidden_share, newest_share, shown_share: for models that guess hidden entries; see
            `models.sequences.batches.Hidden`.
        validate_every: epochs between two validations.

    Raises:
        ConfigurationError: a value that cannot work.
    """

    width: int = 128
    length: int = 200
    batch_size: int = 128
    epochs: int = 1000
    patience: int = 20
    learning_rate: float = 1e-3
    negatives: int | None = None
    calibration: float = 0.75
    hidden_share: float = 0.2
    newest_share: float = 0.1
    shown_share: float = 0.0
    validate_every: int = 1

    def __post_init__(self) -> None:
        for name in ("width", "length", "batch_size", "epochs", "patience", "validate_every"):
            if getattr(self, name) < 1:
                raise ConfigurationError(
                    f"`{name}` must be at least 1. Received: {getattr(self, name)!r}."
                )
        if not 0 < self.hidden_share < 1:
            raise ConfigurationError(
                f"`hidden_share` must be in (0, 1). Received: {self.hidden_share!r}."
            )
        for name, most in (("newest_share", 1.0), ("shown_share", 0.5)):
            if not 0 <= getattr(self, name) <= most:
                raise ConfigurationError(
                    f"`{name}` must be in [0, {most}]. Received: {getattr(self, name)!r}."
                )


@dataclass(frozen=True)
class SequenceRun:
    """One model on one log under one seed.

    Args:
        entry: of the catalogue, a model of sequences.
        options: of its builder.
        loss: by name; empty is the entry's own.
        begin: file of another run of this model on this log, whose best weights this one begins
            with: that one was its pre-training.

    Raises:
        ConfigurationError: the entry is no model of sequences.
    """

    entry: Entry
    log: SequenceLog
    training: SequenceTraining = field(default_factory=SequenceTraining)
    options: Mapping[str, Any] = field(default_factory=dict)
    loss: str = ""
    seed: int = 0
    begin: Path | None = None

    def __post_init__(self) -> None:
        if not self.entry.loss:
            raise ConfigurationError(
                f"`model` must be one of sequences. Received: {self.entry.name!r}."
            )
        object.__setattr__(self, "loss", self.loss or self.entry.loss)

    @property
    def key(self) -> dict[str, Any]:
        """Everything that decides the result."""
        return {
            "model": self.entry.name,
            "options": {**self.entry.defaults(), **self.options},
            "loss": self.loss,
            "dataset": self.log.name,
            "digest": self.log.digest,
            "split": self.log.protocol.name,
            "seed": self.seed,
            "training": asdict(self.training),
            **({"begin": _digest(self.begin)} if self.begin else {}),
        }


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:16]
