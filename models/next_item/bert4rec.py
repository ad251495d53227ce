"""Transformer blocks in both directions, learnt by guessing entries that are hidden.

Blocks are LN(x + drop(SA(x))), LN(x + drop(FFN(x))) with an inner layer of four widths and GELU. Of
a state h the score of an item is <GELU(W h + b), e_i> + b_i. To recommend, a hidden entry is put
before the newest. In training some entries are hidden, and guessed.

Reference: Sun et al., CIKM 2019, https://arxiv.org/abs/1904.06690, eq. 2 to 8.
"""

from collections.abc import Iterable
from typing import Any

import keras
from keras import ops
from keras.layers import Concatenate, Dense, Dropout, LayerNormalization

from models.fields import Field
from models.layers.cloze import ClozeToken
from models.layers.newest_state import WithOne
from models.layers.positions import Positions
from models.layers.self_attention import SelfAttentionBlock
from models.next_item.histories import History
from models.retrieval.model import RetrievalModel
from models.retrieval.objective import Objective
from models.rows import RowInit

MASKED = "masked"


def bert4rec(
    fields: Iterable[Field],
    *,
    blocks: int = 2,
    heads: int = 2,
    positions: int = 200,
    dropout: float = 0.0,
    temperature: float = 1.0,
) -> RetrievalModel:
    """Build the network; its `sequence` also takes `masked`, (batch, length), 1 for hidden entries.

    Args:
        fields: see `History`.
        blocks: one after the other.
        heads: of attention.
        positions: of entries, that are told apart.
        dropout: of what is read, of attention and of what blocks add.
        temperature: see `Objective`.
    """
    history = History(fields)
    token, placed = ClozeToken(name="token"), Positions(positions, name="positions")
    norm, drop = LayerNormalization(name="norm"), Dropout(dropout, name="drop")
    stack = [
        SelfAttentionBlock(
            heads,
            causal=False,
            norm_first=False,
            inner=4,
            activation="gelu",
            dropout=dropout,
            name=f"block_{n}",
        )
        for n in range(blocks)
    ]
    projected, with_one = Dense(history.item.width, "gelu", name="projected"), WithOne(name="one")

    def states(*masked: Any) -> Any:
        x, seen = token(history.vectors, history.ids, *masked)
        x = drop(norm(placed(x, seen)))
        for block in stack:
            x = block(x, seen)
        return with_one(projected(x))

    masked = keras.Input(history.ids.shape[1:], name=MASKED)
    sequence = keras.Model(
        {**history.query.tensors, MASKED: masked}, states(masked), name="sequence"
    )
    bias = history.candidate.vectors(history.item, "linear", 1, RowInit("zeros"))
    candidate = Concatenate(name="candidate_with_bias")([history.items, bias])
    return history.model(
        "bert4rec", ops.take(states(), 0, axis=1), candidate, Objective(temperature), sequence
    )
