"""A body with as few inputs as can be.

Each input of a compiled step costs a conversion, and vectors that a network does nothing with but
put side by side would be cut apart for it, and their gradients put together again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import keras

from models.split import Split, run_through


def compact(parts: Split, groups: Mapping[str, str]) -> Split:
    """The same tables and weights; inputs that nothing reads are gone, neighbours are joined.

    Where the body concatenates vectors of single ids that it uses nowhere else, those that follow
    each other there become one input, (batch, sum of widths). The lookups of such an input share
    its name, and stand in the order of their vectors.

    Args:
        parts: of a network.
        groups: of its tables, by their names; only vectors of one group are joined.

    >>> from models.fields import Field
    >>> from models.ranking.dcn_v2 import dcn_v2
    >>> from models.split import split
    >>> parts = split(dcn_v2([Field("user_id", width=4), Field("item_id", width=4)]))
    >>> list(compact(parts, {"user_id": "4", "item_id": "4"}).body.input)
    ['user_id:vectors+1']
    """
    uses = _uses(parts.body)
    inputs = {
        x.name: keras.Input(x.shape[1:], dtype=x.dtype, name=x.name) for x in parts.body.inputs
    }
    free = {
        use.input_name: groups[use.table]
        for use in parts.lookups
        if uses[use.input_name] == 1 and len(inputs[use.input_name].shape) == 2
    }
    joins = _Joins(free)
    output = run_through(parts.body, list(inputs.values()), joins.change)
    own = [x for name, x in inputs.items() if uses[name] and name not in joins.places]
    named = {x.name: x for x in (*own, *joins.inputs)}
    lookups = sorted(parts.lookups, key=lambda use: joins.places.get(use.input_name, ("", 0)))
    renamed = (
        replace(use, input_name=joins.places[use.input_name][0])
        if use.input_name in joins.places
        else use
        for use in lookups
    )
    return Split(parts.tables, tuple(renamed), keras.Model(named, output, name=parts.body.name))


class _Joins:
    """Joins vectors while a network runs through.

    Args:
        groups: by input name, of the vectors that may be joined.

    Attributes:
        inputs: what came of joining.
        places: by the name of a joined input, the name of what it is in now, and its place there.
    """

    def __init__(self, groups: Mapping[str, str]) -> None:
        self._groups = groups
        self.inputs: list[keras.KerasTensor] = []
        self.places: dict[str, tuple[str, int]] = {}

    def change(self, operation: keras.Operation) -> Callable[..., Any]:
        """For `run_through`."""
        if not isinstance(operation, keras.layers.Concatenate) or operation.axis not in (-1, 1):
            return operation
        return lambda tensors: self._concatenated(operation, tensors)

    def _concatenated(self, concatenate: Callable[..., Any], tensors: Sequence[Any]) -> Any:
        pieces: list[Any] = []
        for group, run in groupby(tensors, lambda x: self._groups.get(x.name)):
            same = list(run)
            pieces += same if group is None or len(same) == 1 else [self._joined(same)]
        return concatenate(pieces) if len(pieces) > 1 else pieces[0]

    def _joined(self, tensors: Sequence[Any]) -> keras.KerasTensor:
        name = f"{tensors[0].name}+{len(tensors) - 1}"
        self.places |= {x.name: (name, place) for place, x in enumerate(tensors)}
        width = sum(x.shape[-1] for x in tensors)
        self.inputs.append(keras.Input((width,), dtype=tensors[0].dtype, name=name))
        return self.inputs[-1]


def _uses(body: keras.Model) -> Counter[str]:
    """How often the network's own graph uses each of its tensors, by name."""
    nodes = (node for level in body._nodes_by_depth.values() for node in level)
    return Counter(x.name for node in nodes for x in node.input_tensors)
