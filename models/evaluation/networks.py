"""Training a network of the catalogue, in epochs or in one pass over time."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from millstream.errors import ConfigurationError
from models.adam import Adam
from models.catalogue import build
from models.entry import Entry
from models.evaluation.encoded import Columns, EncodedExamples
from models.evaluation.figures import auc
from models.evaluation.learner import Report
from models.evaluation.settings import OPTIMISERS, Training
from models.fields import Field
from models.layers.field_embedding import FieldEmbedding

SCORING_ROWS = 8192
FIRST_ORDER = "linear."


def compiled(
    entry: Entry, fields: Iterable[Field], options: Mapping[str, Any], training: Training
) -> keras.Model:
    """The network with its loss, its optimisers and its penalty, ready to train.

    Args:
        training: with the `learning_rate` and the `l2` of a `Run`, which leaves neither open.
    """
    model = build(entry.name, fields, **options)
    if training.l2:
        for layer in model.layers:
            if isinstance(layer, FieldEmbedding) and not layer.name.startswith(FIRST_ORDER):
                layer.embeddings.regularizer = keras.regularizers.L2(training.l2)
    if training.learning_rate is None:
        raise ConfigurationError("`learning_rate` must be given. Received: None.")
    model.compile(
        optimizer(entry, training.learning_rate),
        keras.losses.BinaryCrossentropy(from_logits=True),
        # XLA gains nothing on TensorFlow; on JAX nothing is compiled without it.
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    return model


def optimizer(entry: Entry, learning_rate: float) -> keras.optimizers.Optimizer:
    """Adam, and for the prefixes that the catalogue names, what it names there."""
    adam = Adam(learning_rate)
    if not entry.optimisers:
        return adam
    from models.optimisers import ByPrefix

    others = {
        prefix: {
            "class_name": name,
            "config": OPTIMISERS.get(name, {"learning_rate": learning_rate}),
        }
        for prefix, name in entry.optimisers.items()
    }
    return ByPrefix({"": adam, **others})


def slow_down(optimizer: keras.optimizers.Optimizer, factor: float) -> None:
    """Multiply its learning rate, or those of all that it is made of, by `factor`."""
    for each in getattr(optimizer, "optimizers", {"": optimizer}).values():
        each.learning_rate = each.learning_rate * factor


class Network:
    """A network of the catalogue as a `Learner`, which can also learn in one pass.

    Args:
        options: of its builder.
        seed: of first weights, dropout and the order of rows.
    """

    def __init__(
        self,
        entry: Entry,
        fields: Iterable[Field],
        options: Mapping[str, Any],
        training: Training,
        seed: int,
    ) -> None:
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        self.training = training
        self.model = compiled(entry, fields, options, training)

    def fit(
        self, train: EncodedExamples, valid: EncodedExamples, report: Report
    ) -> tuple[int, float]:
        stopping = _Stopping(valid, self.training, report)
        started = time.perf_counter()
        done = self.model.fit(
            train.x,
            train.y,
            sample_weight=train.weights,
            batch_size=self.training.batch_size,
            epochs=self.training.epochs,
            callbacks=[stopping],
            verbose=0,
        )
        seconds = time.perf_counter() - started - stopping.validating_s
        self.model.set_weights(stopping.best_weights)
        return len(done.epoch), seconds

    def predict(self, x: Columns) -> np.ndarray:
        return _sigmoid(self.model.predict(x, batch_size=SCORING_ROWS, verbose=0))

    def test_then_train(self, rows: EncodedExamples, report: Report) -> tuple[np.ndarray, float]:
        """One pass in the order of the rows: every batch is scored before it is learnt.

        Returns:
            The scores, (n,), and the seconds that training took, scoring not counted.
        """
        scores = np.empty(len(rows))
        training_s = 0.0
        for start in range(0, len(rows), self.training.batch_size):
            part = slice(start, start + self.training.batch_size)
            batch = rows.at(part)
            scores[part] = _sigmoid(self.model.predict_on_batch(batch.x))
            began = time.perf_counter()
            self.model.train_on_batch(batch.x, batch.y, sample_weight=batch.weights)
            training_s += time.perf_counter() - began
            report((start + len(batch)) / len(rows), float("nan"))
        return scores, training_s


class _Stopping(keras.callbacks.Callback):
    """After an epoch without a better validation AUC, slower steps; after `patience`, the end."""

    def __init__(self, valid: EncodedExamples, training: Training, report: Report) -> None:
        super().__init__()
        self.valid, self.training, self.report = valid, training, report
        self.best_auc, self.best_epoch, self.validating_s = -1.0, 0, 0.0
        self.best_weights: list[np.ndarray] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        share = min(1.0, (batch + 1) / self.params["steps"])
        self.report((self.epoch + share) / self.training.epochs, self.best_auc)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        began = time.perf_counter()
        logits = self.model.predict(self.valid.x, batch_size=SCORING_ROWS, verbose=0)
        reached = auc(self.valid.y, _sigmoid(logits))
        if reached > self.best_auc or not self.best_weights:
            self.best_auc, self.best_epoch = reached, epoch
            self.best_weights = self.model.get_weights()
        elif epoch - self.best_epoch >= self.training.patience:
            self.model.stop_training = True
        else:
            slow_down(self.model.optimizer, self.training.decay)
        self.validating_s += time.perf_counter() - began


def _sigmoid(logits: Any) -> np.ndarray:
    logits = ops.convert_to_numpy(logits).reshape(-1).astype(np.float64)
    return 0.5 * (1.0 + np.tanh(0.5 * logits))
