"""Learning of whole rows: users with all of their items, scored on the union of the batch's items.

Reference: Moussawi, 2018, https://arxiv.org/abs/1809.00999, section 4.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy import sparse

from models.autoencoders.adam_rows import AdamRows
from models.autoencoders.network import Autoencoder
from models.evaluation.lists.ragged import Ragged
from models.layers.gaussian_code import GaussianCode
from models.losses.reconstruction import LOSSES

SCORED_USERS = 1024


class Annealing(NamedTuple):
    """beta = min(highest, highest * step / steps) of a variational autoencoder."""

    highest: float = 0.2
    steps: int = 2000


class AutoencoderLearner:
    """A network, its rows, and the step that moves both; items are numbered from 0.

    Items and users that come for the first time are new rows: nothing else changes by them.

    Args:
        network: of the catalogue.
        loss: `multinomial`, `logistic` or `squared`.
        confidence: alpha: an item of the user weighs 1 + alpha r, r its value (1 where none is
            given); the others weigh 1.
        learning_rate: of Adam, for rows and layers.
        batch_size: users of a step.
        num_sampling_users: users that are drawn together; their items are the output of each of
            their steps. More users are more negatives. None is `batch_size`.
        full: every item that is known is in the output, whatever the users have: what mini-batch
            negatives are to be compared with.
        annealing: of the divergence of a variational autoencoder; None is its default.
        seed: of the order of users and the noise.

    Raises:
        ValueError: an unknown loss, or fewer `num_sampling_users` than `batch_size`.
    """

    def __init__(
        self,
        network: Autoencoder,
        *,
        loss: Literal["multinomial", "logistic", "squared"] = "multinomial",
        confidence: float = 0.0,
        learning_rate: float = 1e-3,
        batch_size: int = 100,
        num_sampling_users: int | None = None,
        full: bool = False,
        annealing: Annealing | None = None,
        seed: int = 0,
    ) -> None:
        if loss not in LOSSES:
            raise ValueError(f"`loss` must be one of {sorted(LOSSES)}. Received: {loss!r}.")
        drawn = num_sampling_users or batch_size
        if drawn < batch_size:
            raise ValueError(
                f"`num_sampling_users` must be at least `batch_size`, {batch_size}. "
                f"Received: {drawn}."
            )
        self.network, self.loss, self.confidence = network, loss, confidence
        self.learning_rate, self.batch_size, self.drawn = learning_rate, batch_size, drawn
        self.full, self.step = full, 0
        self.annealing = annealing or Annealing()
        shapes = {t.name: t for t in (network.input_table, network.output_table)}
        self.rows = {name: AdamRows(shape) for name, shape in shapes.items()}
        self.bias = AdamRows(network.bias_table)
        self.items = 0
        self._seed = seed
        self._weights = network.body.trainable_variables
        self._optimiser = keras.optimizers.Adam(learning_rate)
        if self._weights:
            self._optimiser.build(self._weights)
        self._codes = [x for x in network.body.layers if isinstance(x, GaussianCode)]
        self._compiled = tf.function(self._layers_step, reduce_retracing=True, autograph=False)

    def partial_fit(
        self,
        lists: Ragged,
        *,
        users: np.ndarray | None = None,
        values: np.ndarray | None = None,
        items: int = 0,
    ) -> float:
        """One pass over users, in random order; the mean loss of the steps.

        Args:
            lists: items of each user.
            users: (lists,) their numbers; None is 0, 1, ... Only a factorisation asks who they are.
            values: of each entry of `lists`; None is 1.
            items: how many items there are at least.
        """
        users = np.arange(len(lists)) if users is None else users
        self._grow(max([items, *(lists.values + 1).max(initial=0, keepdims=True)]), users)
        values = np.ones(len(lists.values), np.float32) if values is None else values
        matrix = sparse.csr_matrix(
            (values, lists.values, lists.starts), shape=(len(lists), self.items), dtype=np.float32
        )
        losses = [
            self._learn(matrix[part], users[part], union)
            for part, union in self._batches(lists, matrix)
        ]
        return float(np.mean(losses)) if losses else 0.0

    def codes(self, lists: Ragged, users: np.ndarray | None = None) -> np.ndarray:
        """What meets the rows of the last matrix, (lists, dim)."""
        rows = self.rows[self.network.input_table.name].values
        if not self.network.reads_items:
            users = np.arange(len(lists)) if users is None else users
            return ops.convert_to_numpy(self.network.body(rows[users]))
        ones = np.ones(len(lists.values), np.float32)
        inside = sparse.csr_matrix((ones, lists.values, lists.starts), (len(lists), len(rows)))
        return ops.convert_to_numpy(self.network.body(_unit(inside) @ rows))

    def scores(self, lists: Ragged, users: np.ndarray | None = None) -> np.ndarray:
        """Logits of all items, (lists, items)."""
        table = self.rows[self.network.output_table.name].values
        return self.codes(lists, users) @ table[: self.items].T + self.bias.values[: self.items, 0]

    def similar(self, item: int, k: int) -> np.ndarray:
        """The k items whose output rows have the highest cosine to that of `item`, best first."""
        table = self.rows[self.network.output_table.name].values[: self.items]
        units = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
        cosines = units @ units[item]
        cosines[item] = -np.inf
        return np.argsort(-cosines, kind="stable")[:k]

    def state(self) -> dict[str, np.ndarray]:
        """Everything that `restore` needs to go on as if nothing had been."""
        out = {"step": np.array(self.step), "items": np.array(self.items)}
        for name, table in self._tables().items():
            out |= {f"rows/{name}/{key}": array for key, array in table.state().items()}
        for key, variables in self._variables().items():
            arrays = map(ops.convert_to_numpy, variables)
            out |= {f"{key}/{place:04d}": array.copy() for place, array in enumerate(arrays)}
        return out

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state`, of a learner of the same network and options."""
        self.step, self.items = int(state["step"]), int(state["items"])
        for name, table in self._tables().items():
            keys = ("values", "mean", "square", "steps")
            table.restore({key: state[f"rows/{name}/{key}"] for key in keys})
        for key, variables in self._variables().items():
            for place, variable in enumerate(variables):
                variable.assign(state[f"{key}/{place:04d}"])

    def _tables(self) -> dict[str, AdamRows]:
        return {**self.rows, self.network.bias_table.name: self.bias}

    def _variables(self) -> dict[str, list[Any]]:
        return {"weights": self.network.body.variables, "optimiser": self._optimiser.variables}

    def _grow(self, items: int, users: np.ndarray) -> None:
        self.items = max(self.items, items)
        for name in {self.network.output_table.name, self.network.bias_table.name}:
            self._tables()[name].grow(self.items)
        reads = self.items if self.network.reads_items else int(users.max(initial=-1)) + 1
        self.rows[self.network.input_table.name].grow(reads)

    def _batches(
        self, lists: Ragged, matrix: sparse.csr_matrix
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Users of each step, and the items of its output."""
        rng = np.random.default_rng([self._seed, self.step])
        order = rng.permutation(np.flatnonzero(lists.sizes))
        for start in range(0, len(order), self.drawn):
            pool = order[start : start + self.drawn]
            union = np.arange(self.items) if self.full else np.unique(matrix[pool].indices)
            for at in range(0, len(pool), self.batch_size):
                yield pool[at : at + self.batch_size], union

    def _learn(self, values: sparse.csr_matrix, users: np.ndarray, union: np.ndarray) -> float:
        self.step += 1
        for code in self._codes:
            share = min(1.0, self.step / self.annealing.steps)
            code.beta.assign(self.annealing.highest * share)
        part = values[:, union]
        target = np.asarray((part > 0).todense(), np.float32)
        weights = 1.0 + self.confidence * np.asarray(part.todense(), np.float32)
        network = self.network
        read = union if network.reads_items else users
        x = target / np.sqrt(np.maximum(target.sum(axis=1, keepdims=True), 1.0))
        given = x if network.reads_items else np.eye(len(users), dtype=np.float32)
        tables = self.rows[network.input_table.name], self.rows[network.output_table.name]
        loss, by_row = self._compiled(
            given, tables[0].values[read], tables[1].values[union], self.bias.values[union],
            target, weights, tf.constant(self.step),
        )  # fmt: skip
        gradients = [g.numpy() for g in by_row]
        if tables[0] is tables[1]:
            tables[0].learn(union, gradients[0] + gradients[1], self.learning_rate)
        else:
            tables[0].learn(read, gradients[0], self.learning_rate)
            tables[1].learn(union, gradients[1], self.learning_rate)
        self.bias.learn(union, gradients[2], self.learning_rate)
        return float(loss)

    def _layers_step(
        self, x: Any, first: Any, last: Any, bias: Any, target: Any, weights: Any, step: Any
    ) -> Any:
        """Move the layers; the loss of the step and its gradients for the three tables."""
        if self.network.dropout:
            x = tf.nn.experimental.stateless_dropout(x, self.network.dropout, seed=[1, step])
        with tf.GradientTape() as tape:
            tape.watch((first, last, bias))
            code = self.network.body(tf.matmul(x, first), training=True)
            logits = tf.matmul(code, last, transpose_b=True) + tf.transpose(bias)
            loss = tf.reduce_mean(LOSSES[self.loss](logits, target, weights))
            total = tf.add_n([loss, *self.network.body.losses])
        layers = [weight.value for weight in self._weights]
        by_row, by_weight = tape.gradient(
            total, [(first, last, bias), layers], unconnected_gradients="zero"
        )
        if layers:
            self._optimiser.apply(by_weight, self._weights)
        return loss, by_row


def _unit(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Rows of 0 and 1 at length 1."""
    lengths = np.sqrt(np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1.0))
    return sparse.diags(1.0 / lengths).astype(np.float32) @ matrix
