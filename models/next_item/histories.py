"""A history as the query, an item's row as the candidate: what models of sequences share."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import keras
from keras.layers import Concatenate, Identity

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.field_embedding import FieldEmbedding
from models.layers.l2_normalise import L2Normalise
from models.layers.newest_state import NewestState
from models.retrieval.model import RetrievalModel
from models.retrieval.objective import Objective
from models.retrieval.sides import by_side, history_of


class History:
    """The inputs of a model that reads the user's items.

    Args:
        fields: among which are the user's list of items, and the id of an item that shares its
            table; with the list, its `times`. The others are not read.
        also: names of more fields of user and context that are read where they are there.
        profile: whether all fields of user and context are read.

    Attributes:
        ids: (batch, length), newest first.
        vectors: (batch, length, width), the rows of `ids`.
        times: (batch, length) seconds, or None.
        items: (batch, width), the rows of the candidates.
    """

    def __init__(
        self, fields: Iterable[Field], *, also: Sequence[str] = (), profile: bool = False
    ) -> None:
        fields = tuple(fields)
        history, item = history_of(fields)
        self.history = replace(history, pooling="mean", target=None)
        self.item = item
        own = [
            f
            for f in by_side(fields)["query"]
            if f != history and (profile or f.name == history.times or f.name in also)
        ]
        self.fields = (self.history, *own, item)
        tables: dict[str, FieldEmbedding] = {}
        self.query = FieldInputs([self.history, *own], tables)
        self.candidate = FieldInputs([item], tables)
        self.ids = self.query.tensors[history.name]
        self.vectors = self.query.vectors(self.history)
        self.times = None if history.times is None else self.query.tensors[history.times]
        self.items = self.candidate.vectors(item)

    def profile(self) -> Any:
        """The fields beside the history, side by side, (batch, sum of widths); None without any."""
        others = [f for f in self.query.fields if f != self.history]
        columns = [self.query.pooled(f) if f.is_id else self.query.numbers(f) for f in others]
        return (
            Concatenate(name="profile")(columns) if len(columns) > 1 else next(iter(columns), None)
        )

    def model(
        self,
        name: str,
        query: Any,
        candidate: Any,
        objective: Objective,
        sequence: keras.Model | None = None,
    ) -> RetrievalModel:
        """The retrieval model of these vectors."""
        tensors = {**self.query.tensors, **self.candidate.tensors}
        network = keras.Model(tensors, {"query": query, "candidate": candidate}, name=name)
        return RetrievalModel.of(network, self.fields, objective, sequence)


def next_item_model(
    name: str,
    history: History,
    encode: Callable[[History], Any],
    *,
    normalise: bool,
    temperature: float,
) -> RetrievalModel:
    """The state after the newest entry as the query.

    Who has no history gets a learnt vector.

    Args:
        encode: the network of the paper: to a state of an item's width for each entry, (batch,
            length, width).
        normalise: whether states and rows are brought to length 1.
        temperature: of the objective.
    """
    states = encode(history)
    query = NewestState(name="newest")(states, history.ids)
    unit = L2Normalise if normalise else Identity
    sequence = keras.Model(history.query.tensors, unit(name="state_unit")(states), name="sequence")
    return history.model(
        name,
        unit(name="query_unit")(query),
        unit(name="candidate_unit")(history.items),
        Objective(temperature),
        sequence,
    )
