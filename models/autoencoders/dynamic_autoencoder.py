"""Dynamic autoencoder: y = W f(W^T drop(x / |x|)) + b; a step sees only the items of its users.

The output layer of a step has the items of the batch's users and no others (mini-batch negatives):
its cost depends on the batch, not on the catalogue, and items may come at any time.

Reference: Moussawi, 2018, "Towards Large Scale Training Of Autoencoders For Collaborative
Filtering", https://arxiv.org/abs/1809.00999, sections 3 and 4.
"""

from collections.abc import Iterable, Sequence

from models.autoencoders.network import Autoencoder, autoencoder
from models.fields import Field


def dynamic_autoencoder(
    fields: Iterable[Field],
    *,
    dim: int = 200,
    hidden: Sequence[int] = (),
    dropout: float = 0.5,
    activation: str = "tanh",
    tied: bool = True,
) -> Autoencoder:
    """{list of items, item} -> query and candidate, whose inner product is the item's logit.

    Args:
        fields: the user's list of items and the id of an item, of one table; others are not read.
        dim: of the code.
        hidden: widths from the input to the code, and back.
        dropout: of entries of the list, in training.
        activation: of all layers.
        tied: the first and the last matrix are one.

    Raises:
        ConfigurationError: there is no such pair of fields.
    """
    return autoencoder(
        fields,
        "dynamic_autoencoder",
        hidden=hidden,
        dim=dim,
        activation=activation,
        dropout=dropout,
        tied=tied,
    )
