"""Retrieval models as runs of lists: of users, items, and what users had before."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from models.catalogue import build
from models.evaluation.lists import epochs
from models.evaluation.lists.full_corpus import Scorer
from models.evaluation.lists.protocols import Protocol
from models.evaluation.lists.questions import Questions
from models.evaluation.lists.ragged import Ragged
from models.fields import Field
from models.losses.as_output import LossAsOutput
from models.losses.sampled_softmax import mixture_log_q
from models.retrieval.model import RetrievalModel

if TYPE_CHECKING:
    from models.evaluation.lists.runs import Fitted, ListRun

LOG_Q, IDS = "log_q", "candidate_ids"


class TowerNetwork(LossAsOutput):
    """The objective of a batch as the output."""

    def __init__(self, model: RetrievalModel) -> None:
        super().__init__(name="towers")
        self.query, self.candidate = model.learning
        self.objective = model.objective

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        query, candidate = (
            side({name: inputs[name] for name in side.input}, training=training)
            for side in (self.query, self.candidate)
        )
        return self.objective(query, candidate, inputs[IDS], inputs[LOG_Q])


class TowerLists:
    """A retrieval model that learns from lists, and gives lists.

    Each entry of a list is a positive; the user's entries before it, the newest `length` of them,
    are its history (of a `length` of 0 only who asks is known). It is told from the batch's other
    items and from `negatives` drawn uniformly, corrected for how likely each is to be there: how
    often items come is known beforehand.

    Args:
        run: of a model of the catalogue.
        lists: of users, oldest first.
        items, users: of the corpus.
    """

    def __init__(self, run: "ListRun", lists: Ragged, items: int, users: int) -> None:
        own = {"width": 32, "length": 20, "negatives": 512, **run.learning}
        self.lists, self.items, self.batch_size = lists, items, run.training.batch_size
        self.length, self.negatives = own["length"], own["negatives"]
        self._counts = np.bincount(lists.values, minlength=items)
        self._rng = np.random.default_rng(run.seed)
        fields = _fields(items, users, own["width"], self.length)
        self.model: RetrievalModel = build(run.model, fields, **run.options)
        self.network = TowerNetwork(self.model)
        is_tensorflow = keras.backend.backend() == "tensorflow"
        adam = keras.optimizers.Adam(run.training.learning_rate)
        self.network.compile(adam, jit_compile=not is_tensorflow)

    def learn(self) -> None:
        """One epoch."""
        for batch in self._batches():
            self.network.train_on_batch(batch)

    def state(self) -> list[np.ndarray]:
        """Copies of the weights."""
        return [weight.copy() for weight in self.model.model.get_weights()]

    def scorer(self, questions: Questions) -> Scorer:
        """The inner products of these questions, of several interests the greatest."""
        every = {"item_id": np.arange(1, self.items + 1)}
        items = ops.convert_to_numpy(self.model.candidate(every, training=False))

        def score(which: np.ndarray) -> np.ndarray:
            given = {"user_id": questions.users[which] + 1}
            if self.length:
                given["recent"] = questions.history.take(which).padded(self.length)[:, ::-1]
            asked = {name: given[name] for name in self.model.query.input}
            found = ops.convert_to_numpy(self.model.query(asked, training=False)) @ items.T
            return found if found.ndim == 2 else found.max(axis=1)

        return score

    def _batches(self) -> Iterator[dict[str, np.ndarray]]:
        lists, size = self.lists, self.batch_size
        order = self._rng.permutation(len(lists.values))
        chance = 1.0 - (1.0 - self._counts / max(1, len(order))) ** size
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            drawn = self._rng.integers(0, self.items, self.negatives)
            items = np.concatenate([lists.values[rows], drawn])
            history = {"recent": before(lists, rows, self.length)} if self.length else {}
            yield {
                "user_id": lists.lists[rows] + 1,
                **history,
                "item_id": items + 1,
                IDS: items,
                LOG_Q: mixture_log_q(chance[items], uniform_draws=self.negatives, items=self.items),
            }


def before(lists: Ragged, rows: np.ndarray, length: int) -> np.ndarray:
    """(rows, length) the entries before those in `rows`, newest first, plus 1; 0 where none is.

    >>> before(Ragged(np.array([0, 3]), np.array([5, 6, 7])), np.array([0, 2]), 2).tolist()
    [[0, 0], [7, 6]]
    """
    places = rows[:, None] - 1 - np.arange(length)
    inside = places >= lists.starts[lists.lists[rows]][:, None]
    return np.where(inside, lists.values[np.where(inside, places, 0)] + 1, 0)


def fitted(run: "ListRun", found: Protocol) -> "Fitted":
    """Learn in epochs, see `epochs.learn`."""
    from models.evaluation.lists.runs import Fitted

    keras.backend.clear_session()
    keras.utils.set_random_seed(run.seed)
    lists = TowerLists(run, found.train, found.test.items, run.log.user_count)
    weights = lists.model.model.set_weights
    made = epochs.learn(lists, found, run.training, lists.learn, lists.state, weights)
    return Fitted(lists, made, len(found.train.values))


def _fields(items: int, users: int, width: int, length: int) -> list[Field]:
    """Those of user and item, and the history unless its `length` is 0."""
    who = Field("user_id", width=width, rows=users + 1, belongs_to="user")
    item = Field("item_id", width=width, rows=items + 1, belongs_to="item")
    recent = replace(
        who, name="recent", rows=item.rows, length=length or None, shared_with=item.name
    )
    return [who, *([recent] if length else []), item]
