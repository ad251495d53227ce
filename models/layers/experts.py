"""Experts and the gates that mix them."""

from collections.abc import Sequence
from typing import Any

from keras import ops
from keras.layers import Dense

from models.layers.mlp import mlp


def experts(x: Any, count: int, hidden: Sequence[int], name: str) -> list[Any]:
    """`count` MLPs on the same (batch, width), each (batch, last of `hidden`)."""
    return [mlp(x, hidden, name=f"{name}_{i}") for i in range(count)]


def gated(x: Any, outputs: Sequence[Any], name: str) -> Any:
    """sum_i softmax_i(W x) o_i.

    Args:
        x: (batch, any width), what the gate reads.
        outputs: of the experts, (batch, width) each.
        name: of the gate.

    Returns:
        (batch, width).
    """
    if len(outputs) == 1:
        return outputs[0]
    shares = Dense(len(outputs), activation="softmax", use_bias=False, name=name)(x)
    return ops.einsum("bk,bku->bu", shares, ops.stack(list(outputs), axis=1))


def gate_nu(x: Any, width: int, name: str) -> Any:
    """2 sigmoid(W' ReLU(W x + b) + b'), (batch, width): a weight near 1 for every unit.

    Reference: Chang et al., KDD 2023, https://arxiv.org/abs/2302.01115, eq. 1 and 2.
    """
    x = Dense(width, activation="relu", name=f"{name}_in")(x)
    return 2.0 * Dense(width, activation="sigmoid", name=f"{name}_out")(x)
