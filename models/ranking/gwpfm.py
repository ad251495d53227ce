"""GwPFM, the group-weighted part-aware factorisation machine, under an MLP.

h = sum_{i<j} (v_{i,G(j)} * v_{j,G(i)}) r_{G(i),G(j)}, element-wise, and the logit is MLP(h). A
feature has one part for each group of fields, where a field-aware machine has one for each field.
The parts stand side by side in one table row.

The paper uses h as one of the experts of a mixture, each of which goes through its own MLP (HMoE);
this is that expert alone. It has no first-order term.

Reference: Pan et al., KDD 2024, https://arxiv.org/abs/2403.00793.
"""

from collections.abc import Iterable, Sequence

import keras
from keras.layers import Dense

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.mlp import mlp
from models.layers.parts import GroupAware, parted_vectors


def gwpfm(
    fields: Iterable[Field],
    *,
    width: int = 8,
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: two or more, grouped by `Field.group`; one without a group is a group of its own.
            The `width` of an id plays no part.
        width: of each part.
        hidden: widths of the MLP.
        dropout: of the MLP.

    Raises:
        ConfigurationError: fewer than two fields, or fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    groups = group_numbers(inputs.fields)
    h = GroupAware(groups, name="pairs")(parted_vectors(inputs, max(groups) + 1, width))
    deep = mlp(h, hidden, name="deep", dropout=dropout)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(deep), name="gwpfm")


def group_numbers(fields: Iterable[Field]) -> list[int]:
    """The number of each field's group, counted from 0 as groups first appear.

    >>> group_numbers([Field("a", group="g"), Field("b"), Field("c", group="g"), Field("g")])
    [0, 1, 0, 2]
    """
    numbers: dict[tuple[bool, str], int] = {}
    labels = [(f.group is None, f.name if f.group is None else f.group) for f in fields]
    return [numbers.setdefault(label, len(numbers)) for label in labels]
