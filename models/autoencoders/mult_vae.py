"""Mult-DAE and Mult-VAE: autoencoders of a multinomial over items.

-sum_i x_i log softmax_i(W_out f(W_in^T drop(x / |x|)) + b), and for the variational one
+ beta KL(q(z | x) || N(0, 1)), beta raised from 0 to about 0.2 while training.

Reference: Liang et al., WWW 2018, https://arxiv.org/abs/1802.05814, eq. 2, 6, 8.
"""

from collections.abc import Iterable, Sequence

from models.autoencoders.network import Autoencoder, autoencoder
from models.fields import Field


def mult_dae(
    fields: Iterable[Field],
    *,
    dim: int = 200,
    hidden: Sequence[int] = (),
    dropout: float = 0.5,
    activation: str = "tanh",
) -> Autoencoder:
    """{list of items, item} -> query and candidate, whose inner product is the item's logit.

    Args:
        fields: the user's list of items and the id of an item, of one table; others are not read.
        dim: of the code.
        hidden: widths from the input to the code, and back.
        dropout: of entries of the list, in training.
        activation: of all layers.

    Raises:
        ConfigurationError: there is no such pair of fields.
    """
    return autoencoder(
        fields, "mult_dae", hidden=hidden, dim=dim, activation=activation, dropout=dropout
    )


def mult_vae(
    fields: Iterable[Field],
    *,
    dim: int = 200,
    hidden: Sequence[int] = (600,),
    dropout: float = 0.5,
    activation: str = "tanh",
) -> Autoencoder:
    """The same with a code that is drawn; serving takes its mean.

    Args:
        fields, dim, dropout, activation: as of `mult_dae`.
        hidden: widths from the input to the code, and back.

    Raises:
        ConfigurationError: there is no such pair of fields.
    """
    return autoencoder(
        fields,
        "mult_vae",
        hidden=hidden,
        dim=dim,
        activation=activation,
        dropout=dropout,
        variational=True,
    )
