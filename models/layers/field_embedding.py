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
        vectors = ops.take(self.embeddings, ids, axis=0)
        is_id = ops.expand_dims(ops.not_equal(ids, 0), -1)
        return ops.multiply(vectors, ops.cast(is_id, vectors.dtype))

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


def layer_name(table: str) -> str:
    """How the layer of a table is called.

    >>> layer_name("item_id"), layer_name("item_id:linear")
    ('embedding.item_id', 'linear.item_id')
    """
    name, _, role = table.partition(":")
    return f"{role or 'embedding'}.{name}"
