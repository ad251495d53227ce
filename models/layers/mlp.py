"""A stack of fully connected layers."""

from collections.abc import Sequence
from typing import Any

from keras.layers import Dense, Dropout


def mlp(
    x: Any,
    hidden: Sequence[int],
    *,
    name: str,
    activation: str = "relu",
    dropout: float = 0.0,
) -> Any:
    """Map x to activation(W x + b), once for each width of `hidden`.

    Args:
        x: (batch, any width).
        hidden: widths of the layers; none gives `x` back.
        name: the layers are called `<name>_0`, `<name>_1`, ...
        dropout: share of each layer's outputs that training drops.

    Returns:
        (batch, last width of `hidden`).
    """
    for i, width in enumerate(hidden):
        x = Dense(width, activation=activation, name=f"{name}_{i}")(x)
        if dropout:
            x = Dropout(dropout, name=f"{name}_{i}_dropout")(x)
    return x
