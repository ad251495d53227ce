"""A network without its embedding tables, for those who keep the rows themselves.

`fit` looks rows up inside of the network. The online trainer and serving hold tables that grow with
the stream: they look the rows up themselves and run the body, which shares every other weight with
the network that it was taken from.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from millstream.errors import ConfigurationError
from models.layers.field_embedding import FieldEmbedding
from models.tables import Lookup, TableSpec


@dataclass(frozen=True)
class Split:
    """A network in two.

    Args:
        tables: by name.
        lookups: in a fixed order; one field may be looked up in several tables.
        body: takes every input of the network, and for each lookup the vectors; gives what the
            network gives.
    """

    tables: Mapping[str, TableSpec]
    lookups: tuple[Lookup, ...]
    body: keras.Model


def split(model: keras.Model) -> Split:
    """Take a functional network apart at its `FieldEmbedding` layers.

    The weights are shared, not copied: a step on the body moves the network.

    Raises:
        ConfigurationError: a table lies in a nested model, where this graph does not show it.

    >>> from models.fields import Field
    >>> from models.ranking.dcn_v2 import dcn_v2
    >>> split(dcn_v2([Field("user_id", width=4), Field("item_id", width=4)])).lookups[0]
    Lookup(field='item_id', table='item_id', input_name='item_id:vectors')
    """
    _check_flat(model)
    tables: dict[str, TableSpec] = {}
    vectors: dict[Lookup, keras.KerasTensor] = {}

    def cut(layer: keras.Operation) -> Callable[..., Any]:
        return lookup(layer) if isinstance(layer, FieldEmbedding) else layer

    def lookup(layer: FieldEmbedding) -> Callable[..., Any]:
        tables[layer.table] = TableSpec(layer.table, layer.width, layer.init)
        return lambda ids: _vectors(layer, ids, vectors)

    inputs = [keras.Input(x.shape[1:], dtype=x.dtype, name=x.name) for x in model.inputs]
    output = run_through(model, inputs, cut)
    named = {x.name: x for x in (*inputs, *vectors.values())}
    lookups = sorted(vectors, key=lambda use: use.input_name)
    return Split(tables, tuple(lookups), keras.Model(named, output, name=f"{model.name}_body"))


def run_through(
    model: keras.Model,
    inputs: Sequence[Any] | Mapping[str, Any],
    change: Callable[[keras.Operation], Callable[..., Any]],
) -> Any:
    """The outputs of a functional network on `inputs`, with `change(operation)` for each operation.

    The call by which Keras runs, and clones, such networks; it has no public name.
    """
    return model._run_through_graph(inputs, operation_fn=change)


def _vectors(
    layer: FieldEmbedding, ids: keras.KerasTensor, vectors: dict[Lookup, keras.KerasTensor]
) -> keras.KerasTensor:
    """The body's input in place of `layer(ids)`; one, however often the network looks it up."""
    _, colon, role = layer.table.partition(":")
    use = Lookup(ids.name, layer.table, f"{ids.name}{colon}{role}:vectors")
    if use not in vectors:
        shape = (*ids.shape[1:], layer.width)
        vectors[use] = keras.Input(shape, dtype=layer.compute_dtype, name=use.input_name)
    return vectors[use]


def _check_flat(model: keras.Model) -> None:
    for layer in model.layers:
        if isinstance(layer, keras.Model) and any(_tables_within(layer)):
            raise ConfigurationError(
                f"Tables of {model.name!r} must be in its own graph. Received: the nested model "
                f"{layer.name!r} with tables {sorted(_tables_within(layer))}."
            )


def _tables_within(model: keras.Model) -> Iterator[str]:
    for layer in model.layers:
        if isinstance(layer, FieldEmbedding):
            yield layer.table
        elif isinstance(layer, keras.Model):
            yield from _tables_within(layer)
