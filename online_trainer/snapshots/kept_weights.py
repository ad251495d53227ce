"""Dense weights of a network that go on in one with other inputs.

The slices that belong to inputs of both go over as they are. New slices begin so that the outputs
are at first what they were, wherever the structure of the network allows it: with zeros where new
values go into a layer. Where networks multiply vectors with no weight between them (factorisation
machines), the vectors of new floats begin at zero as well; ids without a row have zeros anyway.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np

from models.alignment import Places, aligned
from models.split import Split, split

_NO_INFLUENCE = 1e-6
_ROWS = 8
_SEED = 11


class KeptWeight(NamedTuple):
    """One weight before and after, and where what it keeps is in either, by axis."""

    old: keras.Variable
    new: keras.Variable
    from_places: tuple[Places, ...]
    to_places: tuple[Places, ...]

    def carried(self, old: np.ndarray, new: np.ndarray) -> np.ndarray:
        """`new` with what is kept of `old`."""
        new = new.copy()
        new[np.ix_(*self.to_places)] = old[np.ix_(*self.from_places)]
        return new

    def first(self) -> np.ndarray:
        """The new weight's value: zeros where a new entry of its last axis but one is read."""
        value = as_array(self.new)
        if value.ndim > 1:
            is_new = np.ones(value.shape[-2], bool)
            is_new[self.to_places[-2]] = False
            value = np.where(is_new[:, None], np.zeros_like(value), value)
        return self.carried(as_array(self.old), value)


def carry_weights(old: keras.Model, new: keras.Model, between: keras.Model) -> Sequence[KeptWeight]:
    """Give a fresh network the weights of another one, as far as they have the same inputs.

    Args:
        old, new: of one builder.
        between: the same network of the inputs that both have, in the order of either.

    Returns:
        What was kept.
    """
    kept = tuple(_kept(old, new, between))
    for each in kept:
        each.new.assign(each.first())
    if _influence(new, between) > _NO_INFLUENCE:
        known = {id(each.new) for each in kept}
        for weight in new.trainable_variables:
            if id(weight) not in known and len(weight.shape) > 1:
                weight.assign(np.zeros(weight.shape, weight.dtype))
    return kept


def as_array(variable: keras.Variable) -> np.ndarray:
    """Value of a variable."""
    return np.asarray(keras.ops.convert_to_numpy(variable))


def _kept(old: keras.Model, new: keras.Model, between: keras.Model) -> Iterator[KeptWeight]:
    to_new = {id(each.small): each for each in aligned(between, new)}
    for each in aligned(between, old):
        if (other := to_new.get(id(each.small))) is not None:
            yield KeptWeight(each.large, other.large, each.places, other.places)


def _influence(network: keras.Model, between: keras.Model) -> float:
    """How far outputs move at the most when the inputs do that `between` lacks.

    Rows of tables that it lacks are zeros: so they are while no id has been seen.
    """
    parts, tables = split(network), split(between).tables
    known = {x.name for x in between.inputs}
    owner = {use.input_name: use.field for use in parts.lookups}
    rng = np.random.default_rng(_SEED)
    first, second = (_rows(parts, tables, rng) for _ in range(2))
    moved = {
        name: first[name] if owner.get(name, name) in known else array
        for name, array in second.items()
    }
    pairs = zip(_outputs(parts, first), _outputs(parts, moved), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def _rows(parts: Split, tables: Collection[str], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random values of the inputs of a body: no list has padding."""
    table = {use.input_name: use.table for use in parts.lookups}
    found = {}
    for x in parts.body.inputs:
        shape = (_ROWS, *x.shape[1:])
        if x.dtype == "int64":
            found[x.name] = np.ones(shape, np.int64)
        elif x.name in table and table[x.name] not in tables:
            found[x.name] = np.zeros(shape, np.float32)
        else:
            found[x.name] = rng.normal(size=shape).astype(np.float32)
    return found


def _outputs(parts: Split, rows: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    outputs = keras.tree.flatten(parts.body(dict(rows), training=False))
    return [np.asarray(keras.ops.convert_to_numpy(each)) for each in outputs]
