"""How a run trains."""

from dataclasses import dataclass, fields

from millstream.errors import ConfigurationError

# Of optimisers whose rates are on another scale than Adam's. The gradient of one row of a large
# batch is small: an accumulator that begins at Keras' 0.1 would never let it move.
OPTIMISERS = {
    "adagrad": {"learning_rate": 0.05, "initial_accumulator_value": 1e-6},
    "ftrl": {"learning_rate": 0.2, "initial_accumulator_value": 1e-6},
}


@dataclass(frozen=True)
class Training:
    """Training settings of a run, beside the model, the data and the seed.

    Args:
        width: values per embedding row.
        batch_size: rows per step.
        epochs: at most; in time order it is always one pass.
        patience: epochs without a better AUC on the validation rows before training stops; the best
            weights are then put back.
        learning_rate: of Adam; None is what the catalogue has for the model.
        decay: factor of all learning rates after an epoch without a better AUC.
        l2: added to the loss, times the sum of squares of every embedding table but those of
            first-order weights; None is what the catalogue has for the model.
        dropout: of the networks that have it; None leaves each its own.
        min_count: times that an id must come in the training rows to have a row of its own.

    Raises:
        ConfigurationError: a value that cannot work.
    """

    width: int = 16
    batch_size: int = 4096
    epochs: int = 50
    patience: int = 2
    learning_rate: float | None = None
    decay: float = 0.1
    l2: float | None = None
    dropout: float | None = None
    min_count: int = 1

    def __post_init__(self) -> None:
        for name in ("width", "batch_size", "epochs", "patience", "min_count"):
            self._check(name, getattr(self, name) >= 1, "at least 1")
        rate = self.learning_rate
        self._check("learning_rate", rate is None or rate > 0, "above 0")
        self._check("decay", 0 < self.decay <= 1, "above 0, and at most 1")
        self._check("l2", self.l2 is None or self.l2 >= 0, "0 or more")
        self._check("dropout", self.dropout is None or 0 <= self.dropout < 1, "in [0, 1)")

    def _check(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ConfigurationError(
                f"`{name}` must be {expected}. Received: {getattr(self, name)!r}."
            )


NAMES = tuple(each.name for each in fields(Training))
