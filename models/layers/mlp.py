"""A stack of fully connected layers."""

from collections.abc import Sequence
from typing import Any

from keras.layers import Activation, BatchNormalization, Dense, Dropout, Layer


def mlp(
    x: Any,
    hidden: Sequence[int],
    *,
    name: str,
    activation: str | type[Layer] = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
) -> Any:
    """Map x to activation(W x + b), once for each width of `hidden`.

    Args:
        x: (batch, any width).
        hidden: widths of the layers; none gives `x` back.
        name: the layers are called `<name>_0`, `<name>_1`, ...
        activation: a name that Keras knows, or a layer with weights of its own, such as `Dice`.
        dropout: share of each layer's outputs that training drops.
        batch_norm: normalises W x + b over the batch, before the activation.

    Returns:
        (batch, last width of `hidden`).
    """
    for i, width in enumerate(hidden):
        if isinstance(activation, str) and not batch_norm:
            x = Dense(width, activation=activation, name=f"{name}_{i}")(x)
        else:
            x = Dense(width, name=f"{name}_{i}")(x)
            if batch_norm:
                x = BatchNormalization(momentum=0.9, name=f"{name}_{i}_norm")(x)
            x = _applied(activation, f"{name}_{i}", x)
        if dropout:
            x = Dropout(dropout, name=f"{name}_{i}_dropout")(x)
    return x


def _applied(activation: str | type[Layer], name: str, x: Any) -> Any:
    if isinstance(activation, str):
        return Activation(activation, name=f"{name}_{activation}")(x)
    return activation(name=f"{name}_{activation.__name__.lower()}")(x)
