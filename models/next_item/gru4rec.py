"""A gated recurrent network over the history.

h_k = GRU(h_{k-1}, e_k); the score of an item is the inner product of a state with the row that
histories are read with ("constrained embeddings").

References: Hidasi et al., ICLR 2016, https://arxiv.org/abs/1511.06939; Hidasi & Karatzoglou, CIKM
2018, https://arxiv.org/abs/1706.03847, whose losses are in `models.losses.next_item`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from keras import ops
from keras.layers import GRU, Dense, Dropout

from models.fields import Field
from models.next_item.histories import History, next_item_model
from models.retrieval.model import RetrievalModel


def gru4rec(
    fields: Iterable[Field],
    *,
    hidden: Sequence[int] = (64,),
    dropout: float = 0.0,
    normalise: bool = False,
    temperature: float = 1.0,
) -> RetrievalModel:
    """Build the network.

    Args:
        fields: see `History`.
        hidden: widths of the recurrent layers.
        dropout: of what is read and of every layer's states.
        normalise: whether states and rows are brought to length 1.
        temperature: see `Objective`.
    """

    def encode(history: History) -> Any:
        vectors, ids = history.vectors, history.ids
        x, there = ops.flip(vectors, axis=1), ops.not_equal(ops.flip(ids, axis=1), 0)
        x = Dropout(dropout, name="drop")(x)
        for n, width in enumerate(hidden):
            x = GRU(width, return_sequences=True, name=f"gru_{n}")(x, mask=there)
            x = Dropout(dropout, name=f"drop_{n}")(x)
        return Dense(vectors.shape[-1], name="out")(ops.flip(x, axis=1))

    return next_item_model(
        "gru4rec", History(fields), encode, normalise=normalise, temperature=temperature
    )
