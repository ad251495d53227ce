"""STAR: weights of every domain times shared ones, normalisation by domain, a bias network.

z = partitioned normalisation of x; each layer is f((W_p * W) x + b_p + b); the logit is s_main +
s_aux, s_aux from an MLP that reads the domain beside x.

Reference: Sheng et al., CIKM 2021, https://arxiv.org/abs/2101.11427, section 3.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras.layers import Concatenate, Dense

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.domain_norm import DomainDense, DomainNorm
from models.layers.mlp import mlp
from models.multi_task.domains import membership
from models.task_names import Tasks, tasks_of


def star(
    fields: Iterable[Field],
    *,
    tasks: Tasks = ("click",),
    domain: str = "domain",
    hidden: Sequence[int] = (128, 64),
    auxiliary: Sequence[int] = (32,),
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> {task: logit, (batch, 1)}.

    Args:
        fields: ids and floats of any widths.
        tasks: names, of a number `name:regression`; each has a logit of its own on the same layers.
        domain: a float field with a one for the row's domain and zeros for the others.
        hidden: widths of the layers.
        auxiliary: widths of the MLP that reads the domain.

    Raises:
        ConfigurationError: no such `domain`, or tasks or fields that do not fit together.
    """
    found = tasks_of(tasks)
    inputs = FieldInputs(fields)
    which = membership(inputs, domain)
    rest = [f for f in inputs.fields if f.name != domain]
    vectors = Concatenate()([inputs.pooled(f) if f.is_id else inputs.numbers(f) for f in rest])
    x = DomainNorm(name="shared.norm")(vectors, which)
    for i, width in enumerate(hidden):
        x = DomainDense(width, "relu", name=f"shared.layer_{i}")(x, which)
    beside = Concatenate(name="shared.beside")([which, vectors])
    beside = mlp(beside, auxiliary, name="auxiliary")
    outputs: dict[str, Any] = {}
    for task in found:
        main = DomainDense(1, name=f"{task.name}.logit")(x, which)
        outputs[task.name] = main + Dense(1, name=f"{task.name}.auxiliary")(beside)
    return keras.Model(inputs.tensors, outputs, name="star")
