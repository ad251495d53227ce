"""PEPNet: gates of the domain on the vectors, gates of the person on every layer of every task.

GateNU(x) = 2 sigmoid(W' ReLU(W x + b) + b'). O = GateNU(domain, sg(E)) * E (EPNet); layer l of task
k reads GateNU_kl(prior, sg(O)) * H_l (PPNet).

Reference: Chang et al., KDD 2023, https://arxiv.org/abs/2302.01115, section 3.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Concatenate, Dense

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.experts import gate_nu
from models.multi_task.domains import columns_of
from models.task_names import Tasks, tasks_of


def pepnet(
    fields: Iterable[Field],
    *,
    tasks: Tasks = ("click", "conversion"),
    domain: Sequence[str] = ("domain",),
    prior: Sequence[str] = ("user_id", "item_id"),
    hidden: Sequence[int] = (128, 64),
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> {task: logit, (batch, 1)}.

    Args:
        fields: ids and floats of any widths.
        tasks: names, of a number `name:regression`.
        domain: fields that say which domain a row is of.
        prior: fields that say who and what: user, item, author.
        hidden: widths of each task's MLP.

    Raises:
        ConfigurationError: a name that is no field, or tasks or fields that do not fit together.
    """
    found = tasks_of(tasks)
    inputs = FieldInputs(fields)
    vectors = inputs.joined()
    where, who = columns_of(inputs, domain, "domain"), columns_of(inputs, prior, "prior")
    still = ops.stop_gradient(vectors)
    gate = gate_nu(
        Concatenate(name="shared.domain")([where, still]), vectors.shape[-1], "shared.gate"
    )
    own = gate * vectors
    person = Concatenate(name="shared.person")([who, ops.stop_gradient(own)])
    outputs: dict[str, Any] = {}
    for task in found:
        x = own
        for i, width in enumerate((*hidden, 1)):
            last = i == len(hidden)
            x = gate_nu(person, x.shape[-1], f"{task.name}.gate_{i}") * x
            name = f"{task.name}.logit" if last else f"{task.name}.tower_{i}"
            x = Dense(width, activation=None if last else "relu", name=name)(x)
        outputs[task.name] = x
    return keras.Model(inputs.tensors, outputs, name="pepnet")
