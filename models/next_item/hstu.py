"""Generative recommender on hierarchical sequential transduction units.

Attention without softmax, so that how often something was met is not lost, gated, with biases of
position and of time; see `HSTUBlock`. States and rows are compared by cosine, as published.

Reference: Zhai et al., ICML 2024, https://arxiv.org/abs/2402.17152.
"""

from collections.abc import Iterable
from typing import Any

from keras.layers import Dropout, Reshape

from models.fields import Field
from models.layers.hstu_block import HSTUBlock
from models.layers.positions import Positions
from models.next_item.histories import History, next_item_model
from models.retrieval.model import RetrievalModel


def hstu(
    fields: Iterable[Field],
    *,
    blocks: int = 2,
    heads: int = 1,
    positions: int = 200,
    dropout: float = 0.0,
    normalise: bool = True,
    temperature: float = 0.05,
    now: str = "request_time",
) -> RetrievalModel:
    """Build the network.

    Args:
        fields: see `History`; the `times` of the list, if it has any, are read.
        blocks: one after the other.
        heads: of attention.
        positions: of entries and distances, that are told apart.
        dropout: of what is read and of what blocks add.
        normalise: whether states and rows are brought to length 1.
        temperature: see `Objective`.
        now: the float that holds the time of the request, in seconds from the origin of the
            `times`; where no field is called so, time stands still after the newest entry.
    """

    def encode(history: History) -> Any:
        vectors, ids = history.vectors, history.ids
        x = Positions(positions, vectors.shape[-1] ** 0.5, name="positions")(vectors, ids)
        x = Dropout(dropout, name="drop")(x)
        given = [] if history.times is None else [history.times]
        if given and now in history.query.tensors:
            given.append(Reshape((1,), name="now")(history.query.tensors[now]))
        for n in range(blocks):
            x = HSTUBlock(heads, positions, dropout, name=f"block_{n}")(x, ids, *given)
        return x

    return next_item_model(
        "hstu", History(fields, also=[now]), encode, normalise=normalise, temperature=temperature
    )
