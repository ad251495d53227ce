"""Which weights of two networks are the same, where one has more inputs than the other.

Both come from one builder; the larger one has every field of the smaller one, in the same order,
and more. A weight's axis runs over values of fields (the rows of a first kernel), over fields, over
pairs of fields, or over units of a layer. How long it is in either network tells two axes apart,
and where fields are put side by side the graphs show which of them are new. So no layer needs to
say what its weights are: `Alignment` walks both graphs side by side. One thing may be said: of an
axis over fields and something else, the fields vary slowest unless the layer has the attribute
`fields_vary_fastest`.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import keras
import numpy as np

Places = np.ndarray
# By the length of an axis in the smaller and in the larger network: the place, in the larger one,
# of each of the smaller one's entries.
Sizes = dict[tuple[int, int], Places]


class Aligned(NamedTuple):
    """One weight in both networks.

    Args:
        small, large: the weight in either.
        places: for each axis, where the smaller one's entries are in the larger one.
    """

    small: keras.Variable
    large: keras.Variable
    places: tuple[Places, ...]


def aligned(small: keras.Model, large: keras.Model) -> Iterator[Aligned]:
    """The weights that both networks have; one that only the larger one has is left out.

    An axis that cannot be told is taken for one whose new entries come last.

    >>> from models.fields import Field
    >>> from models.ranking.lr import lr
    >>> fields = [Field("age", "float"), Field("item_id", width=4)]
    >>> [each.large.path for each in aligned(lr(fields), lr([*fields, Field("sex", "float")]))]
    ['linear.age/kernel', 'bias/bias']
    """
    found = Alignment(small, large)
    for one, other, sizes in found.layers:
        is_inner = bool(getattr(other, "fields_vary_fastest", False))
        for a, b in zip(one.variables, other.variables, strict=False):
            lengths = zip(a.shape, b.shape, strict=True)
            yield Aligned(a, b, tuple(found.places(*each, sizes, is_inner) for each in lengths))


class Alignment:
    """Two networks, side by side.

    Attributes:
        layers: each layer of both, with the lengths that are known where it stands.
    """

    def __init__(self, small: keras.Model, large: keras.Model) -> None:
        self._new = {x.name for x in large.inputs} - {x.name for x in small.inputs}
        self._leaves: dict[int, frozenset[str]] = {}
        self._sizes: dict[int, Sizes] = {}  # by the larger one's tensor
        self._all: Sizes = {}
        self.layers: list[tuple[keras.Layer, keras.Layer, Sizes]] = []
        for one, other in zip(small.outputs, large.outputs, strict=True):
            self._walk(one, other)

    def places(self, small: int, large: int, near: Sizes, is_inner: bool = False) -> Places:
        """Where the entries of an axis are.

        Args:
            small, large: its lengths.
            near: what is known where it stands; it goes before what is known elsewhere.
            is_inner: whether of an axis over fields and something else the fields vary fastest.
        """
        if small == large:
            return np.arange(small)
        for known in (near, self._all):
            if (small, large) in known and not is_inner:
                return known[small, large]
        for known in (near, self._all):
            for (n, m), places in sorted(known.items(), key=lambda each: each[0]):
                if (small, large) == (n * n, m * m):
                    return np.asarray((places[:, None] * m + places).ravel())
                times = small // n
                if (small, large) == (n * times, m * times):
                    return _repeated(places, m, times, is_inner)
        return np.arange(small)

    def _walk(self, small: Any, large: Any) -> None:
        """From a tensor of both to all that it is made of."""
        if id(large) in self._sizes:
            return
        sizes = self._sizes[id(large)] = {}
        (one, a), (other, b) = _made_by(small), _made_by(large)
        chosen = self._matched(a, b)
        for x, at in zip(a, chosen, strict=False):
            self._walk(x, b[at])
            sizes |= self._sizes[id(b[at])]
        if len(a) != len(b):
            self._learn(sizes, len(b), np.array(chosen, np.int64))
        if type(other).__name__ == "Concatenate" and len(chosen) == len(a):
            self._concatenated(a, b, chosen, other.axis, sizes)
        if isinstance(other, keras.Layer):
            self.layers.append((one, other, sizes))

    def _matched(self, small: Sequence[Any], large: Sequence[Any]) -> list[int]:
        """The place among `large` of each of `small`: what is made of the same fields."""
        if len(small) == len(large):
            return list(range(len(small)))
        free, chosen = list(range(len(large))), []
        for x in small:
            own = self._fields_of(x)
            fit = [at for at in free if self._fields_of(large[at]) - self._new == own]
            if not fit:
                break
            chosen.append(min(fit, key=lambda at: len(self._fields_of(large[at]))))
            free.remove(chosen[-1])
        return chosen

    def _fields_of(self, x: Any) -> frozenset[str]:
        """The inputs that a tensor is made of."""
        if id(x) not in self._leaves:
            _, made_of = _made_by(x)
            below = frozenset().union(*map(self._fields_of, made_of))
            self._leaves[id(x)] = below if made_of else frozenset([x.name])
        return self._leaves[id(x)]

    def _concatenated(
        self, small: Sequence[Any], large: Sequence[Any], chosen: list[int], axis: int, sizes: Sizes
    ) -> None:
        starts = np.cumsum([0, *(x.shape[axis] or 0 for x in large)])
        found = [
            starts[at]
            + self.places(
                x.shape[axis] or 0, large[at].shape[axis] or 0, self._sizes[id(large[at])]
            )
            for x, at in zip(small, chosen, strict=True)
        ]
        self._learn(sizes, int(starts[-1]), np.concatenate(found))

    def _learn(self, sizes: Sizes, large: int, places: Places) -> None:
        """Keep where the entries of one kind of axis are; and those of its pairs."""
        for length, kept in ((large, places), _pairs(large, places)):
            if len(kept) != length:
                sizes[len(kept), length] = kept
                self._all.setdefault((len(kept), length), kept)


def _made_by(x: Any) -> tuple[Any, Sequence[Any]]:
    """The operation that gave a tensor, and what it took; nothing for an input."""
    operation, node, _ = x._keras_history
    return operation, operation._inbound_nodes[node].input_tensors


def _pairs(large: int, places: Places) -> tuple[int, Places]:
    """How many pairs i < j there are, and which are those of `places`, in the order of `pairs`."""
    pairs = list(combinations(range(large), 2))
    number = {pair: at for at, pair in enumerate(pairs)}
    kept = [number[pair] for pair in combinations(sorted(places.tolist()), 2)]
    return len(pairs), np.array(kept, np.int64)


def _repeated(places: Places, length: int, times: int, is_inner: bool) -> Places:
    """Places in an axis over fields and `times` other entries: (length, times), or the other way.

    >>> [_repeated(np.array([0, 2]), 3, 2, each).tolist() for each in (False, True)]
    [[0, 1, 4, 5], [0, 2, 3, 5]]
    """
    others = np.arange(times)
    if is_inner:
        return np.asarray((others[:, None] * length + places).ravel())
    return np.asarray((places[:, None] * times + others).ravel())
