"""A head for each task over any ranking network with one output.

The first task has the network's own output. Further ones read what that is made of: where it is
w^T h + b they have a w and b of their own on the same h; where it is a sum, so for each part of it
that is a linear map, while parts that are numbers themselves (first-order weights, products) come
with a factor of the task's own, 1 at first.

Reference: Caruana, Machine Learning 1997, https://doi.org/10.1023/A:1007379606734 (what is shared).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras.layers import Add, Concatenate, Dense

from models.fields import Task


class _Made(NamedTuple):
    """What an output is made of.

    Args:
        mapped: (layer's name, its input) of each linear map to one number.
        numbers: (batch, 1) each: parts of a sum that are none.
    """

    mapped: list[tuple[str, Any]]
    numbers: list[Any]


def with_heads(network: keras.Model, tasks: Sequence[Task]) -> keras.Model:
    """{field: ...} -> {task: (batch, 1)}; the weights of `network` are shared, not copied.

    Args:
        network: functional, with one output, (batch, 1).
        tasks: two or more.

    >>> from models.fields import Field
    >>> from models.ranking.dcn_v2 import dcn_v2
    >>> network = dcn_v2([Field("user_id", width=4), Field("item_id", width=4)])
    >>> sorted(with_heads(network, [Task("click"), Task("cart")]).output)
    ['cart', 'click']
    """
    made = _Made([], [])
    _take_apart(network.output, made)
    first, *others = tasks
    outputs = {first.name: network.output}
    outputs |= {task.name: _head(task.name, made) for task in others}
    return keras.Model(network.input, outputs, name=network.name)


def side_by_side(network: keras.Model, tasks: Sequence[Task]) -> keras.Model:
    """The network with its outputs as columns, (batch, tasks), in the order of `tasks`."""
    if len(tasks) == 1:
        return network
    columns = [network.output[task.name] for task in tasks]
    return keras.Model(network.input, Concatenate(name="tasks")(columns), name=network.name)


def _take_apart(output: Any, made: _Made) -> None:
    operation, node, _ = output._keras_history
    given = operation._inbound_nodes[node].input_tensors
    if isinstance(operation, Add):
        for part in given:
            _take_apart(part, made)
    elif isinstance(operation, Dense) and operation.units == 1:
        made.mapped.append((operation.name, given[0]))
    else:
        made.numbers.append(output)


def _head(task: str, made: _Made) -> Any:
    terms = [Dense(1, name=f"{task}.{name}")(x) for name, x in made.mapped]
    if made.numbers:
        numbers = Concatenate()(made.numbers) if len(made.numbers) > 1 else made.numbers[0]
        terms.append(Dense(1, kernel_initializer="ones", name=f"{task}.numbers")(numbers))
    return Add(name=f"{task}.sum")(terms) if len(terms) > 1 else terms[0]
