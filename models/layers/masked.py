"""Padding (id 0) in lists of vectors."""

from typing import Any

from keras import ops


def mask_of(ids: Any, dtype: Any) -> Any:
    """1 where an entry is there, 0 where it is padding; the shape of `ids`."""
    return ops.cast(ops.not_equal(ids, 0), dtype)


def masked_softmax(scores: Any, mask: Any) -> Any:
    """Softmax over the last axis among what is there: 0 for padding, 0 everywhere without entries.

    Args:
        scores: any shape.
        mask: of 0 and 1, the same shape and type.
    """
    return mask * ops.softmax(ops.where(mask > 0, scores, -1e9), axis=-1)
