"""A next-item model with its loss, as Keras trains it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from models.catalogue import build
from models.entry import Entry
from models.fields import Field
from models.losses.as_output import LossAsOutput
from models.retrieval.model import RetrievalModel
from models.retrieval.objective import Objective
from models.sequences.batches import HISTORY, NEGATIVES, NOW, TARGET, TIMES
from models.sequences.losses import SequenceLoss

ITEM = "item_id"


def next_item_fields(items: int, width: int, length: int, *, has_times: bool) -> list[Field]:
    """The fields of a history, and of an item, with rows for every item."""
    rows = items + 1
    fields = [
        Field(ITEM, width=width, rows=rows, belongs_to="item"),
        Field(
            HISTORY,
            width=width,
            length=length,
            rows=rows,
            belongs_to="user",
            shared_with=ITEM,
            times=TIMES if has_times else None,
        ),
    ]
    if has_times:
        fields.append(Field(TIMES, "float", width=length, belongs_to="user"))
        fields.append(Field(NOW, "float", belongs_to="context"))
    return fields


class NextItemNetwork(LossAsOutput):
    """The loss of every entry that has a target: the mean, as the model's output.

    Scored are its target and its negatives, or all items where the loss has none: then a batch's
    (users, length, items) scores must fit into memory.

    Args:
        model: with its `sequence`.
        loss: of entries.
        items: of the corpus.
    """

    def __init__(self, model: RetrievalModel, loss: SequenceLoss, items: int) -> None:
        super().__init__(name="next_item")
        if model.sequence is None or not isinstance(model.objective, Objective):
            raise ValueError("`model` must be one of sequences. Received: one without `sequence`.")
        self.sequence, self.candidate, self.loss_of = model.sequence, model.candidate, loss
        self.scale = 1.0 / model.objective.temperature
        self.every = np.arange(1, items + 1)

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        known = {name: inputs[name] for name in self.sequence.input}
        # `call`, since batches are shorter than the histories that the inputs are declared for.
        states = self.sequence.call(known, training=training)
        candidates = self.candidate({ITEM: ops.convert_to_tensor(self.every)}, training=training)
        target = inputs[TARGET]
        counted = ops.cast(ops.not_equal(target, 0), states.dtype)
        own = ops.take(candidates, ops.maximum(target, 1) - 1, axis=0)
        positive = self.scale * ops.sum(states * own, axis=-1)
        losses = self.loss_of.of(positive, self._others(states, candidates, inputs)) * counted
        return ops.sum(losses) / ops.maximum(ops.sum(counted), 1.0)

    def _others(self, states: Any, candidates: Any, inputs: Mapping[str, Any]) -> Any:
        """(batch, length, n) logits of what each entry's target is told from."""
        if not self.loss_of.negatives:
            return ops.matmul(self.scale * states, ops.transpose(candidates))
        drawn = ops.take(candidates, inputs[NEGATIVES] - 1, axis=0)
        if self.loss_of.is_shared:
            return ops.matmul(self.scale * states, ops.swapaxes(drawn, 1, 2))
        return self.scale * ops.sum(states[:, :, None] * drawn, axis=-1)


def scores_of(model: RetrievalModel, inputs: Mapping[str, np.ndarray], items: int) -> np.ndarray:
    """(n, items) float32 scores of all items for the newest state of each history."""
    own = {name: inputs[name] for name in model.query.input}
    queries = ops.convert_to_numpy(model.query(own, training=False))
    every = {ITEM: np.arange(1, items + 1)}
    candidates = ops.convert_to_numpy(model.candidate(every, training=False))
    scores = queries @ candidates.T
    return scores if scores.ndim == 2 else scores.max(axis=1)


def built(
    entry: Entry,
    items: int,
    width: int,
    length: int,
    options: Mapping[str, Any],
    *,
    has_times: bool,
) -> RetrievalModel:
    """A next-item model over `items`, with as many positions as entries."""
    given = {"positions": length + 1, **options} if "positions" in entry.defaults() else options
    return build(entry.name, next_item_fields(items, width, length, has_times=has_times), **given)
