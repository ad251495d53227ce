"""Factorisation-machine supported neural network: an MLP on z = (w_0, [w_1; v_1], [w_2; v_2], ...).

The paper first trains a factorisation machine, takes its w_0, w_i and v_i as first values of z, and
then trains the whole network, z included: `copy_fm` is that step. Without it w_0 begins at 1: tanh
is odd, so that it hardly sees pairs among small values without a constant.

Reference: Zhang, Du & Wang, ECIR 2016, https://arxiv.org/abs/1601.02376, eq. 1 to 6.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Concatenate, Dense

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.bias import Constant
from models.layers.mlp import mlp


def fnn(
    fields: Iterable[Field],
    *,
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
    activation: str = "tanh",
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids of one width, and floats, whose vectors are V x.
        hidden: widths of the MLP.
        dropout: of the MLP.
        activation: of the MLP.

    Raises:
        ConfigurationError: ids of different widths, or fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    first, vectors = inputs.linear_terms(), inputs.even_vectors()
    parts = [part for pair in zip(first, vectors, strict=True) for part in pair]
    z = Concatenate(name="z")([Constant(name="bias")(parts[0]), *parts])
    deep = mlp(z, hidden, name="deep", dropout=dropout, activation=activation)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(deep), name="fnn")


def copy_fm(machine: keras.Model, network: keras.Model) -> None:
    """Give the z of an `fnn` the values that it has in a trained `fm` of the same fields.

    Tables without `rows` are not in either network: their rows are under the same names in both,
    and are carried over where they are held.

    Raises:
        ConfigurationError: the machine lacks a weight of z, or has it in another shape.
    """
    trained = {weight.path: weight for weight in machine.weights}
    of_mlp = ("deep_", "logit/")
    for weight in network.weights:
        if weight.path.startswith(of_mlp):
            continue
        source = trained.get(weight.path)
        if source is None or tuple(source.shape) != tuple(weight.shape):
            shape = None if source is None else tuple(source.shape)
            raise ConfigurationError(
                f"Weight {weight.path!r} of {machine.name!r} must have shape "
                f"{tuple(weight.shape)}. Received: {shape}."
            )
        weight.assign(source)
