"""The embedding table of one or more fields."""

from typing import Any

import keras
import numpy as np
from keras import ops

from millstream.errors import ConfigurationError
from models.rows import RowInit


@keras.saving.register_keras_serializable("millstream")
class FieldEmbedding(keras.layers.Layer):
    """ids -> their rows; id 0 (padding, unknown) -> zeros, which no gradient moves.

    Args:
        table: name of the table. The layer is called `embedding.<table>`, or `<role>.<table>` where
            the table is `<table>:<role>`: optimisers are chosen by such prefixes.
        width: values per row.
        rows: of the table. None makes a layer without weights, whose rows live outside of Keras:
            a network that holds it runs through `models.split`.
        init: how a row is first drawn, from its id alone.

    Input: integers of any shape; output: the same shape plus (width,).

    Raises:
        ConfigurationError: called on values while `rows` is None.
    """

    def __init__(
        self,
        table: str,
        width: int,
        rows: int | None = None,
        init: RowInit | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("name", layer_name(table))
        super().__init__(**kwargs)
        self.table = table
        self.width = width
        self.rows = rows
        self.init = RowInit(**init) if isinstance(init, dict) else init or RowInit()

    def build(self, ids_shape: tuple[int | None, ...]) -> None:
        if self.rows is not None:
            self.embeddings = self.add_weight(
                shape=(self.rows, self.width), initializer=self._first_rows, name="embeddings"
            )

    def call(self, ids: Any) -> Any:
        if self.rows is None:
            raise ConfigurationError(
                f"`rows` of table {self.table!r} must be given for `fit` and `predict`; without it "
                f"use `split(model).body` with vectors of your own. Received: rows=None."
            )
        return looked_up(ops.cast(self.embeddings, self.compute_dtype), ids)

    def compute_output_spec(self, ids: Any) -> keras.KerasTensor:
        return keras.KerasTensor((*ids.shape, self.width), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        init = {"kind": self.init.kind, "scale": self.init.scale}
        own = {"table": self.table, "width": self.width, "rows": self.rows, "init": init}
        return {**super().get_config(), **own}

    def _first_rows(self, shape: tuple[int, int], dtype: Any = None) -> Any:
        rows, width = shape
        values = self.init.rows(np.arange(rows), width, self.table)
        return ops.convert_to_tensor(values, dtype=dtype)


def looked_up(table: Any, ids: Any) -> Any:
    """Rows of `table`, zeros where an id is 0.

    The gradient is a whole table, summed up once. TensorFlow's own is a list of rows, of which
    Keras's optimisers make a whole table every time that they use it.

    Args:
        table: (rows, width).
        ids: integers of any shape.

    Returns:
        The shape of `ids` plus (width,).
    """
    rows, width = table.shape

    @ops.custom_gradient
    def look_up(table: Any) -> tuple[Any, Any]:
        def by_row(*given: Any, upstream: Any = None) -> Any:
            vectors = given[0] if upstream is None else upstream
            places = ops.where(ops.equal(ids, 0), -1, ids)  # no row: padding moves none
            flat = ops.reshape(vectors, (-1, width)), ops.reshape(places, (-1,))
            return ops.segment_sum(*flat, num_segments=rows)

        is_id = ops.expand_dims(ops.not_equal(ids, 0), -1)
        vectors = ops.take(table, ids, axis=0)
        return ops.multiply(vectors, ops.cast(is_id, vectors.dtype)), by_row

    return look_up(table)


def layer_name(table: str) -> str:
    """How the layer of a table is called.

    >>> layer_name("item_id"), layer_name("item_id:linear")
    ('embedding.item_id', 'linear.item_id')
    """
    name, _, role = table.partition(":")
    return f"{role or 'embedding'}.{name}"
