"""Fields as Keras tensors: the inputs of a network, its lookups and their pooling."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
from keras.layers import Add, Concatenate, Dense, Reshape

from millstream.errors import ConfigurationError
from models.fields import Field, checked, target_of
from models.layers.field_embedding import FieldEmbedding
from models.layers.normalise import NORMALISERS
from models.layers.pooling import POOLINGS, TARGET_POOLINGS
from models.rows import RowInit


class FieldInputs:
    """The inputs of one network.

    Each table becomes one `FieldEmbedding` when it is first asked for. A network that needs a
    second vector for a field (the first-order weight of a factorisation machine, a table of each
    expert) names its `role`; such a table is called `<table>:<role>`.

    Args:
        fields: of the network, in order.
        tables: tables that another network has, to be shared with it.

    Attributes:
        tensors: `{field name: keras.Input}`, the inputs of the finished `keras.Model`.
        fields: those that networks take as features: all but the `times` of lists.
    """

    def __init__(
        self, fields: Iterable[Field], tables: dict[str, FieldEmbedding] | None = None
    ) -> None:
        given = checked(fields)
        times = {f.times for f in given}
        self.fields = tuple(f for f in given if f.name not in times)
        self.tables: dict[str, FieldEmbedding] = {} if tables is None else tables
        self.tensors = {
            f.name: keras.Input(f.shape, dtype="int64" if f.is_id else "float32", name=f.name)
            for f in given
        }
        self._shared: dict[str, Any] = {}

    def vectors(
        self,
        field: Field,
        role: str | None = None,
        width: int | None = None,
        init: RowInit | None = None,
    ) -> Any:
        """Rows of an id: (batch, width), or (batch, length, width) for a list.

        Args:
            field: an id.
            role: which of the field's tables; None is the first.
            width, init: of that table; the field's own where they are missing.
        """
        name = field.table if role is None else f"{field.table}:{role}"
        if name not in self.tables:
            self.tables[name] = FieldEmbedding(
                name, width or field.width, field.rows, init or field.init
            )
        return self.tables[name](self.tensors[field.name])

    def pooled(
        self,
        field: Field,
        role: str | None = None,
        width: int | None = None,
        init: RowInit | None = None,
    ) -> Any:
        """One vector of an id, (batch, width): a list is pooled as its field says.

        Attention is for the first table of a field; lists of its other roles are pooled by mean.
        """
        vectors = self.vectors(field, role, width, init)
        if not field.is_list:
            return vectors
        ids = self.tensors[field.name]
        if field.pooling in POOLINGS:
            return POOLINGS[field.pooling]()(vectors, ids)
        if role is not None:
            return POOLINGS["mean"]()(vectors, ids)
        return self._once(f"pooled.{field.name}", lambda name: self._attended(field, vectors, name))

    def target(self, field: Field) -> Any:
        """The vector that the entries of a list are compared with, (batch, width).

        Raises:
            ConfigurationError: no field is its target.
        """
        target = target_of(field, self.fields)
        if target is None:
            raise ConfigurationError(
                f"The list {field.name!r} needs a target: a single id {field.target!r}, or one of "
                f"its table {field.table!r}. Received: {sorted(f.name for f in self.fields)}."
            )
        return self.vectors(target)

    def numbers(self, field: Field) -> Any:
        """The values of a float field, (batch, width), scaled as the field says."""
        x = self.tensors[field.name]
        if field.width == 1:
            x = Reshape((1,))(x)
        if field.normalise == "none":
            return x
        scale = NORMALISERS[field.normalise]
        return self._once(f"normalise.{field.name}", lambda name: scale(name=name)(x))

    def columns(self) -> list[Any]:
        """Every field as (batch, its width): ids embedded and pooled, floats as they are."""
        return [self.pooled(f) if f.is_id else self.numbers(f) for f in self.fields]

    def joined(self) -> Any:
        """All columns side by side, (batch, sum of widths)."""
        return Concatenate()(self.columns())

    def even_vectors(self) -> list[Any]:
        """Every field as one vector of the ids' width, (batch, width): V x for floats.

        Raises:
            ConfigurationError: there is no id, or ids differ in width.
        """
        width = self.even_width()
        return [
            self.pooled(f) if f.is_id else self._product(f, width, f"vector.{f.name}")
            for f in self.fields
        ]

    def linear_terms(self) -> list[Any]:
        """w_i x_i of every field, (batch, 1).

        An id's weight is its row in `<table>:linear`, which begins at 0.
        """
        return [
            self.pooled(f, role="linear", width=1, init=RowInit("zeros"))
            if f.is_id
            else self._product(f, 1, f"linear.{f.name}")
            for f in self.fields
        ]

    def linear(self) -> Any:
        """The first-order term without its bias, sum_i w_i x_i: (batch, 1)."""
        terms = self.linear_terms()
        return Add()(terms) if len(terms) > 1 else terms[0]

    def _attended(self, field: Field, vectors: Any, name: str) -> Any:
        pooling = TARGET_POOLINGS[field.pooling](name=name)
        return pooling(vectors, self.tensors[field.name], self.target(field))

    def _once(self, name: str, make: Callable[[str], Any]) -> Any:
        """One layer for each set of weights, however often a network asks for it."""
        if name not in self._shared:
            self._shared[name] = make(name)
        return self._shared[name]

    def _product(self, field: Field, width: int, name: str) -> Any:
        return Dense(width, use_bias=False, name=name)(self.numbers(field))

    def even_width(self) -> int:
        """The one width of all ids.

        Raises:
            ConfigurationError: there is no id, or ids differ in width.
        """
        widths = {f.name: f.width for f in self.fields if f.is_id}
        if len(set(widths.values())) != 1:
            raise ConfigurationError(
                f"Ids must have one `width` for this network. Received: {widths}."
            )
        return next(iter(widths.values()))


def embedded(fields: Iterable[Field]) -> tuple[dict[str, Any], Any]:
    """`({field name: input}, x0)`, where x0 is (batch, sum of widths)."""
    inputs = FieldInputs(fields)
    return inputs.tensors, inputs.joined()
