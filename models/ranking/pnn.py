"""Product-based neural networks: l_1 = ReLU(l_z + l_p + b), linear in vectors z and products p.

W_z z + W_p p + b is one fully connected layer on z and p side by side. The products:
inner (IPNN), <e_i, e_j>; outer (OPNN), s s^T with s = sum_i e_i; kernel (KPNN), e_i^T W_ij e_j;
micro (PIN), a small network on [e_i, e_j, e_i * e_j] for each pair, without z beside it.

The first paper's IPNN takes all i and j and factorises W_p; like the second paper, this takes each
pair i < j once, with W_p whole. The micro networks go without layer normalisation.

References: Qu et al., ICDM 2016, https://arxiv.org/abs/1611.00144, eq. 2 to 5, 9 and 13;
Qu et al., TOIS 2018, https://arxiv.org/abs/1807.00311, section 4.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import keras
from keras.layers import Concatenate, Dense

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bilinear import BilinearInteraction
from models.layers.mlp import mlp
from models.layers.pairs import PairDots
from models.layers.products import MicroNetworks, OuterProduct
from models.layers.stacked import stacked

PRODUCTS = ("inner", "outer", "kernel", "micro")


def pnn(
    fields: Iterable[Field],
    *,
    product: Literal["inner", "outer", "kernel", "micro"] = "inner",
    micro: Sequence[int] = (40, 5),
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids of one width, and floats, whose vectors are V x.
        product: of the pairs of fields.
        micro: widths of each pair's network, for the product `micro`.
        hidden: widths of the MLP.
        dropout: of the MLP.

    Raises:
        ConfigurationError: an unknown `product`, fewer than two fields for products of pairs, ids
            of different widths, or fields that do not fit together.
    """
    if product not in PRODUCTS:
        raise ConfigurationError(f"`product` must be one of {PRODUCTS}. Received: {product!r}.")
    inputs = FieldInputs(fields)
    vectors = inputs.even_vectors()
    x = _products(product, micro, vectors)
    if product != "micro":
        x = Concatenate(name="joined")([*vectors, x])
    deep = mlp(x, hidden, name="deep", dropout=dropout)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(deep), name="pnn")


def _products(product: str, micro: Sequence[int], vectors: Sequence[Any]) -> Any:
    """(batch, any width)."""
    if product == "inner":
        return PairDots(name="products")(vectors)
    if product == "outer":
        return OuterProduct(name="products")(vectors)
    if product == "micro":
        return MicroNetworks(micro, name="products")(vectors)
    return BilinearInteraction(inner=True, name="products")(stacked(vectors))
