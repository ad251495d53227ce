"""Candidate generation of the YouTube recommender: a classification of what is watched next.

The query is a tower of ReLU layers over the mean of the history's rows, other fields, and the age
of the example; a class is a row of another table than the one that histories are read with. The age
tells the training what was new when; to serve it is 0: what is taken now.

Reference: Covington, Adams & Sargin, RecSys 2016, https://doi.org/10.1145/2959100.2959190, 3.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Concatenate, Dense, Dropout, Identity, Reshape

from models.fields import Field
from models.inputs import FieldInputs
from models.retrieval.model import RetrievalModel
from models.retrieval.objective import Objective
from models.retrieval.sides import by_side, history_of


def youtube_dnn(
    fields: Iterable[Field],
    *,
    hidden: Sequence[int] = (128, 64),
    dropout: float = 0.0,
    age: str = "example_age",
    temperature: float = 1.0,
) -> RetrievalModel:
    """Build the network.

    Args:
        fields: of user and context, with the user's list of items; of the items, the id that the
            list shares its table with.
        hidden: widths of the tower's ReLU layers; after them one of an item's width.
        dropout: of those layers.
        age: the float of the context that holds an example's age, in a unit of your choice; where
            no field is called so, there is none.
        temperature: see `Objective`.
    """
    fields = tuple(fields)
    _, item = history_of(fields)
    query = FieldInputs(by_side(fields)["query"])
    candidate = FieldInputs([item])
    known = [
        query.pooled(f) if f.is_id else query.numbers(f) for f in query.fields if f.name != age
    ]
    joined = Concatenate(name="known")(known) if len(known) > 1 else known[0]
    classes = candidate.vectors(item, role="class")
    outputs = {"candidate": Identity(name="candidate_class")(classes)}
    tensors = {**query.tensors, **candidate.tensors}
    layers = [
        layer
        for n, width in enumerate(hidden)
        for layer in (Dense(width, "relu", name=f"query_{n}"), Dropout(dropout, name=f"drop_{n}"))
    ]
    layers.append(Dense(item.width, name="query_out"))

    def tower(x: Any) -> Any:
        for layer in layers:
            x = layer(x)
        return x

    if age not in query.tensors:
        network = keras.Model(tensors, {"query": tower(joined), **outputs}, name="youtube_dnn")
        return RetrievalModel.of(network, (*query.fields, item), Objective(temperature))
    aged = Reshape((1,), name="age")(query.tensors[age])
    learnt = tower(Concatenate(name="with_age")([joined, aged]))
    served = tower(Concatenate(name="of_age_0")([joined, ops.zeros_like(joined[:, :1])]))
    network = keras.Model(tensors, {"query": learnt, **outputs}, name="youtube_dnn")
    known_inputs = {name: x for name, x in query.tensors.items() if name != age}
    model = RetrievalModel.of(network, (*query.fields, item), Objective(temperature))
    return model.served_by(keras.Model(known_inputs, served, name="query"))
