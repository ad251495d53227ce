"""The items that the positives of a step are told from."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from millstream.snapshots.layout import below
from models.autoencoders.online import Reconstruction
from models.fields import Field
from models.losses.sampled_softmax import mixture_log_q
from models.losses.streaming_frequency import StreamingFrequency
from models.retrieval.model import RetrievalModel
from online_trainer.learners.batch import Batch
from online_trainer.learners.item_pool import ItemPool

_SEED = 18_09
_FREQUENCY_SLOTS = 1 << 16

Columns = dict[str, np.ndarray]


class Candidates(Protocol):
    """Choice of a step's candidates, of which the first are the positives themselves.

    Attributes:
        spec: of what an objective must know of them.
    """

    spec: tf.TensorSpec

    def see(self, rows: Mapping[str, np.ndarray]) -> None:
        """Take note of all rows of a batch, positive or not."""
        ...

    def of(self, positives: Batch, names: Sequence[str], step: int) -> tuple[Columns, np.ndarray]:
        """The inputs `names` of the candidates' side, and what the objective must know."""
        ...

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that a snapshot holds; `restore` takes them back."""
        ...

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state`."""
        ...


class MixedNegatives:
    """The positives of the batch, and items drawn uniformly from those that came lately.

    The objective must know log q, (candidates,), of each one's chance to be there.

    Args:
        pool: where uniform negatives are drawn from.
        frequency: how often items are in a batch.
        draws: uniform negatives of a step.

    Reference: Yang et al., WWW 2020 companion, https://doi.org/10.1145/3366424.3386195.
    """

    spec = tf.TensorSpec((None,), tf.float32)

    def __init__(self, pool: ItemPool, frequency: StreamingFrequency, draws: int = 512) -> None:
        self.pool, self.frequency, self.draws = pool, frequency, draws

    def see(self, rows: Mapping[str, np.ndarray]) -> None:
        """See `Candidates.see`."""
        self.pool.update(rows)

    def of(self, positives: Batch, names: Sequence[str], step: int) -> tuple[Columns, np.ndarray]:
        """See `Candidates.of`."""
        drawn = self.pool.draw(self.draws, step)
        columns = {name: np.concatenate([positives.inputs[name], drawn[name]]) for name in names}
        self.frequency.update(positives.inputs["item_id"])
        in_batch = self.frequency.probability(columns["item_id"])
        log_q = mixture_log_q(in_batch, uniform_draws=self.draws, items=len(self.pool))
        return columns, log_q

    def state(self) -> dict[str, np.ndarray]:
        """See `Candidates.state`."""
        pool = {f"pool/{name}": array for name, array in self.pool.state().items()}
        return pool | {f"frequency/{n}": array for n, array in self.frequency.state().items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """See `Candidates.restore`."""
        self.pool.restore(below("pool", state))
        self.frequency.restore(below("frequency", state))


class ListsOfBatch:
    """The items of all lists of the batch: the list of each user, and the new item.

    The objective must know which are whose, see `models.autoencoders.online.Reconstruction`. Only
    ids are read of items, since nothing else is known of those in a history.

    Args:
        history: the input that holds a user's list; None where only the new item is known.
        most: items beside the positives; of more, so many are drawn.

    Reference: Moussawi, 2018, https://arxiv.org/abs/1809.00999, section 4.
    """

    spec = tf.TensorSpec((None, None), tf.float32)

    def __init__(self, history: str | None, most: int = 2048) -> None:
        self.history, self.most = history, most

    def see(self, rows: Mapping[str, np.ndarray]) -> None:
        """See `Candidates.see`."""

    def of(self, positives: Batch, names: Sequence[str], step: int) -> tuple[Columns, np.ndarray]:
        """See `Candidates.of`."""
        new = positives.inputs["item_id"]
        lists = new[:, None]
        if self.history is not None:
            lists = np.concatenate([lists, positives.inputs[self.history]], axis=1)
        others = np.setdiff1d(lists, np.append(new, 0))
        if len(others) > self.most:
            others = np.random.default_rng((_SEED, step)).choice(others, self.most, replace=False)
        candidates = np.concatenate([new, others])
        return {"item_id": candidates}, memberships(lists, candidates)

    def state(self) -> dict[str, np.ndarray]:
        """See `Candidates.state`."""
        return {}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """See `Candidates.restore`."""


def candidates_of(model: RetrievalModel, fields: Sequence[Field]) -> Candidates:
    """The candidates that a model's objective is meant for.

    Args:
        fields: of the model.
    """
    if isinstance(model.objective, Reconstruction):
        return ListsOfBatch(model.objective.history)
    pool = ItemPool([field for field in fields if field.belongs_to == "item"])
    return MixedNegatives(pool, StreamingFrequency(slots=_FREQUENCY_SLOTS))


def memberships(lists: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """(rows, candidates) float32: 1 in a row's list, 0 not, -1 where a candidate came before.

    >>> memberships(np.array([[7, 8], [9, 7]]), np.array([7, 9, 7])).tolist()
    [[1.0, 0.0, -1.0], [1.0, 1.0, -1.0]]
    """
    distinct, first = np.unique(candidates, return_index=True)
    place = np.minimum(np.searchsorted(distinct, lists), len(distinct) - 1)
    row, entry = np.nonzero(distinct[place] == lists)
    found = np.full((len(lists), len(candidates)), -1.0, np.float32)
    found[:, first] = 0.0
    found[row, first[place[row, entry]]] = 1.0
    return found
