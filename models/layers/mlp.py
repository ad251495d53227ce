"""A stack of fully connected layers."""

from collections.abc import Sequence
from typing import Any

from keras.layers import Dense, Dropout, Layer


def mlp(
    x: Any,
    hidden: Sequence[int],
    *,
    name: str,
    activation: str | type[Layer] = "relu",
    dropout: float = 0.0,
) -> Any:
    """Map x to activation(W x + b), once for each width of `hidden`.

    Args:
        x: (batch, any width).
        hidden: widths of the layers; none gives `x` back.
        name: the layers are called `<name>_0`, `<name>_1`, ...
        activation: a name that Keras knows, or a layer with weights of its own, such as `Dice`.
        dropout: share of each layer's outputs that training drops.

    Returns:
        (batch, last width of `hidden`).
    """
    for i, width in enumerate(hidden):
        if isinstance(activation, str):
            x = Dense(width, activation=activation, name=f"{name}_{i}")(x)
        else:
            x = Dense(width, name=f"{name}_{i}")(x)
            x = activation(name=f"{name}_{i}_{activation.__name__.lower()}")(x)
        if dropout:
            x = Dropout(dropout, name=f"{name}_{i}_dropout")(x)
    return x
