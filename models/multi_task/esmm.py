"""ESMM: p(click and conversion) = p(click) p(conversion | click), on all impressions.

The head of the second task is the logit of the product, with labels click & conversion. The other
factor has no loss of its own, so it is learnt on all impressions, not on clicks alone; its logit is
the layer `<second task>.rate`. With a and b the logits of the two factors, that of their product is
-log(e^-a + e^-b + e^-(a+b)).

Reference: Ma et al., SIGIR 2018, https://arxiv.org/abs/1804.07931, eq. 1 and 2.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Concatenate, Dense

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import embedded
from models.layers.mlp import mlp
from models.task_names import Tasks, tasks_of


def esmm(
    fields: Iterable[Field],
    *,
    tasks: Tasks = ("click", "conversion"),
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> {task: logit, (batch, 1)}.

    Args:
        fields: ids and floats of any widths; both MLPs read the same rows.
        tasks: two or more, each of which happens only where the one before it did.
        hidden: widths of each MLP.
        dropout: of the MLPs.

    Raises:
        ConfigurationError: tasks that are not two or more binary ones, or fields that do not fit.
    """
    found = tasks_of(tasks, least=2)
    if numbers := [task.name for task in found if task.kind != "binary"]:
        raise ConfigurationError(f"`tasks` must be binary. Received as numbers: {numbers}.")
    inputs, x = embedded(fields)
    outputs: dict[str, Any] = {}
    before: Any = None
    for i, task in enumerate(found):
        deep = mlp(x, hidden, name=f"{task.name}.tower", dropout=dropout)
        rate = Dense(1, name=f"{task.name}.rate" if i else f"{task.name}.logit")(deep)
        before = rate if before is None else _both(before, rate, f"{task.name}.negated")
        outputs[task.name] = before
    return keras.Model(inputs, outputs, name="esmm")


def _both(a: Any, b: Any, name: str) -> Any:
    """The logit of sigmoid(a) sigmoid(b)."""
    negated = Concatenate(name=name)([-a, -b, -a - b])
    return -ops.logsumexp(negated, axis=-1, keepdims=True)
