"""Joint rating and retrieval: two towers whose vectors also predict what the item is worth.

retrieval = q . c, learnt by a softmax over the batch's items (logQ corrected); rating =
MLP[q, c, q * c], learnt by squared error; loss = w_retrieval L_retrieval + w_rating L_rating.

Reference: TensorFlow Recommenders, "Multi-task recommenders",
https://www.tensorflow.org/recommenders/examples/multitask; retrieval: Yi et al., RecSys 2019,
https://doi.org/10.1145/3298689.3346996, eq. 5.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Concatenate, Dense, Dot

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.l2_normalise import L2Normalise
from models.layers.mlp import mlp
from models.losses.sampled_softmax import sampled_softmax

SIDES = {"query": ("user", "context"), "candidate": ("item",)}


def joint_rating(
    fields: Iterable[Field],
    *,
    dim: int = 32,
    hidden: Sequence[int] = (),
    rating_hidden: Sequence[int] = (128, 64),
) -> keras.Model:
    """{field: ...} -> {"retrieval": q . c, "rating": a number}, (batch, 1) each.

    The unit vectors q and c are the outputs of the layers `query` and `candidate`; see `sides`.

    Args:
        fields: those of `user` and `context` make q, those of `item` make c.
        dim: of both.
        hidden: widths of each tower's hidden layers.
        rating_hidden: widths of the MLP that rates.

    Raises:
        ConfigurationError: a side has no field.
    """
    inputs = FieldInputs(fields)
    vectors = {}
    for name, owners in SIDES.items():
        own = [f for f in inputs.fields if f.belongs_to in owners]
        if not own:
            raise ConfigurationError(
                f"`fields` must have one that belongs to {' or '.join(owners)}. "
                f"Received: {[f.name for f in inputs.fields]}."
            )
        x = Concatenate()([inputs.pooled(f) if f.is_id else inputs.numbers(f) for f in own])
        x = Dense(dim, name=f"{name}_out")(mlp(x, hidden, name=f"{name}_deep"))
        vectors[name] = L2Normalise(name=name)(x)
    q, c = vectors["query"], vectors["candidate"]
    x = mlp(Concatenate(name="both")([q, c, q * c]), rating_hidden, name="rating.tower")
    outputs = {
        "retrieval": Dot(axes=1, name="retrieval.logit")([q, c]),
        "rating": Dense(1, name="rating.logit")(x),
    }
    return keras.Model(inputs.tensors, outputs, name="joint_rating")


def sides(model: keras.Model) -> keras.Model:
    """The same network with outputs `query` and `candidate`, (batch, dim), and `rating`."""
    vectors = {name: model.get_layer(name).output for name in SIDES}
    return keras.Model(model.input, {**vectors, "rating": model.output["rating"]})


def joint_loss(
    outputs: Mapping[str, Any],
    ids: Any,
    ratings: Any,
    log_q: Any,
    *,
    weights: tuple[float, float] = (1.0, 1.0),
    temperature: float = 0.05,
) -> Any:
    """w_retrieval L_retrieval + w_rating L_rating, a scalar.

    Args:
        outputs: of `sides`, on pairs of a query and its item.
        ids: (batch,) of the items; those that come twice are no negatives of each other.
        ratings: (batch,) numbers; NaN where there is none.
        log_q: (batch,) logarithm of each item's chance to be in the batch.
        weights: of retrieval and rating.
        temperature: of the softmax.
    """
    retrieval = sampled_softmax(
        outputs["query"], outputs["candidate"], ids, log_q, temperature=temperature
    )
    counts = ops.cast(ops.logical_not(ops.isnan(ratings)), "float32")
    known = ops.where(counts > 0, ratings, ops.zeros_like(ratings))
    gaps = counts * ops.square(outputs["rating"][:, 0] - known)
    rating = ops.sum(gaps) / ops.maximum(ops.sum(counts), 1.0)
    return weights[0] * retrieval + weights[1] * rating
