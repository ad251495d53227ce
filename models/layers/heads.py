"""Attention in several heads.

Reference: Vaswani et al., NIPS 2017, https://arxiv.org/abs/1706.03762, section 3.2.
"""

from collections.abc import Callable
from typing import Any

from keras import ops


def attended(
    queries: Any,
    keys: Any,
    values: Any,
    heads: int,
    mask: Any = None,
    drop: Callable[[Any], Any] | None = None,
) -> Any:
    """sum_k a_mk v_k for each entry m, a_mk = softmax_k <q_m, k_k>, in every head on its own.

    Args:
        queries: (batch, length, heads x width), scaled already where they are to be; keys and
            values have the same shape.
        heads: that the last axis is cut into.
        mask: whether entry k may be attended to, (batch, length), or (batch, length, length) for
            each entry m; None is all.
        drop: dropout of the weights a; None is none.

    Returns:
        (batch, length, heads x width).
    """
    length, width = ops.shape(queries)[1], queries.shape[2] // heads
    if queries.shape[1] == 1:
        return values

    def cut(x: Any, axes: tuple[int, ...]) -> Any:
        return ops.transpose(ops.reshape(x, (-1, length, heads, width)), axes)

    scores = ops.matmul(cut(queries, (0, 2, 1, 3)), cut(keys, (0, 2, 3, 1)))
    if mask is not None:
        by_entry = mask[:, None, None, :] if len(mask.shape) == 2 else mask[:, None]
        scores = ops.where(by_entry, scores, -1e9)
    weights = ops.softmax(scores, axis=-1)
    mixed = ops.matmul(weights if drop is None else drop(weights), cut(values, (0, 2, 1, 3)))
    return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, length, heads * width))
