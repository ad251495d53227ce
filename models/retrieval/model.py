"""A retrieval model: a query side, an item side, and what trains them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import keras

from models.fields import Field
from models.retrieval.objective import Objective, Outputs
from models.retrieval.sides import by_side


class Trains(Protocol):
    """What is minimised on a batch; see `Objective`."""

    def queries(self, query: Outputs, candidate: Outputs) -> Any:
        """(batch, dim): the vector of each query that candidates are compared with."""
        ...

    def __call__(
        self, query: Outputs, candidate: Outputs, ids: Any, drawn: Any, /, weights: Any = None
    ) -> Any:
        """The loss, a scalar; `drawn` is what the kind of candidates needs to be known."""
        ...


@dataclass(frozen=True)
class RetrievalModel:
    """Two networks in one space: a query's score for an item is their inner product.

    A query side may give several vectors, one an interest: the score is the greatest of their
    inner products. Fields that share a table share its rows across the sides.

    Args:
        model: both in one, `{field: ...} -> {"query": ..., "candidate": ..., ...}`: what is saved.
            Outputs whose names begin with `query` or `candidate` are of that side.
        query: query fields -> (batch, dim), or (batch, interests, dim).
        candidate: item fields -> (batch, dim).
        learning: both sides with all of their outputs by name, for training: of a model whose
            training reads more than serving does.
        objective: what trains them.
        sequence: for models of sequences, the state after each entry of the history: fields of the
            history -> (batch, length, dim), newest first.
        before_step: called with the number of each step, from 1, before it is taken.
    """

    model: keras.Model
    query: keras.Model
    candidate: keras.Model
    learning: tuple[keras.Model, keras.Model]
    objective: Trains
    sequence: keras.Model | None = None
    before_step: Callable[[int], None] | None = None

    @classmethod
    def of(
        cls,
        model: keras.Model,
        fields: Iterable[Field],
        objective: Trains | None = None,
        sequence: keras.Model | None = None,
        before_step: Callable[[int], None] | None = None,
    ) -> "RetrievalModel":
        """The sides of a joint model, such as one that was saved and loaded."""
        sides = by_side(fields)
        query, candidate = (
            keras.Model(_inputs(model, part), model.output[name], name=name)
            for name, part in sides.items()
        )
        query_outputs, candidate_outputs = (
            keras.Model(_inputs(model, part), _outputs(model, name), name=f"{name}_learning")
            for name, part in sides.items()
        )
        learning = (query_outputs, candidate_outputs)
        objective = objective or Objective()
        return cls(model, query, candidate, learning, objective, sequence, before_step)

    def served_by(self, query: keras.Model) -> "RetrievalModel":
        """The same with another query side for serving, of the same weights."""
        return replace(self, query=query)


def _inputs(model: keras.Model, fields: Iterable[Field]) -> dict[str, keras.KerasTensor]:
    return {f.name: model.input[f.name] for f in fields if f.name in model.input}


def _outputs(model: keras.Model, side: str) -> dict[str, keras.KerasTensor]:
    return {name: x for name, x in model.output.items() if name.startswith(side)}
