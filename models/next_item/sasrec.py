"""Self-attentive sequential recommendation: causal transformer blocks over the history.

x_k = sqrt(d) e_k + p_k; each block x + drop(SA(LN(x))), x + drop(FFN(LN(x))); LN at the end. The
score of an item is the inner product of a state with the row that histories are read with.

References: Kang & McAuley, ICDM 2018, https://arxiv.org/abs/1808.09781; gSASRec is the same network
under the loss `models.losses.next_item.gbce`: Petrov & Macdonald, RecSys 2023,
https://arxiv.org/abs/2308.07192.
"""

from collections.abc import Iterable
from typing import Any

from keras.layers import Dropout, LayerNormalization

from models.fields import Field
from models.layers.positions import Positions
from models.layers.self_attention import SelfAttentionBlock
from models.next_item.histories import History, next_item_model
from models.retrieval.model import RetrievalModel


def sasrec(
    fields: Iterable[Field],
    *,
    blocks: int = 2,
    heads: int = 1,
    positions: int = 200,
    dropout: float = 0.0,
    normalise: bool = False,
    temperature: float = 1.0,
) -> RetrievalModel:
    """Build the network.

    Args:
        fields: see `History`.
        blocks: one after the other.
        heads: of attention.
        positions: of entries, that are told apart.
        dropout: of what is read, of attention and of what blocks add.
        normalise: whether states and rows are brought to length 1.
        temperature: see `Objective`.
    """

    def encode(history: History) -> Any:
        vectors, ids = history.vectors, history.ids
        x = Positions(positions, vectors.shape[-1] ** 0.5, name="positions")(vectors, ids)
        x = Dropout(dropout, name="drop")(x)
        for n in range(blocks):
            x = SelfAttentionBlock(heads, dropout=dropout, name=f"block_{n}")(x, ids)
        return LayerNormalization(epsilon=1e-8, name="last_norm")(x)

    return next_item_model(
        "sasrec", History(fields), encode, normalise=normalise, temperature=temperature
    )
