"""Several interests out of one history.

References: Li et al., CIKM 2019, https://arxiv.org/abs/1904.08030, section 4.2 (B2I routing); Cen
et al., KDD 2020, https://arxiv.org/abs/2005.09347, sections 3.2 and 3.3.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from models.layers.masked import mask_of, masked_softmax


def squash(x: Any) -> Any:
    """Vectors x |x| / (1 + |x|^2): the direction stays, the length is below 1."""
    squared = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x * ops.sqrt(squared + 1e-9) / (1.0 + squared)


class _Routing(keras.layers.Layer):
    """Options of dynamic routing: interests, rounds, and positions with weights of their own."""

    def __init__(
        self, interests: int = 4, iterations: int = 3, positions: int = 200, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.interests, self.iterations, self.positions = interests, iterations, positions

    def get_config(self) -> dict[str, Any]:
        own = {
            "interests": self.interests,
            "iterations": self.iterations,
            "positions": self.positions,
        }
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("millstream")
class BehaviourToInterest(_Routing):
    """Dynamic routing with one bilinear map S for all pairs (MIND).

    w_ij = softmax_j(b_ij), u_j = squash(sum_i w_ij S e_i), b_ij <- b_ij + <u_j, S e_i>, and again.
    The first b are drawn from a normal distribution and never learnt: equal ones would make all
    interests equal. Of n entries come max(1, min(K, floor(log2 n))) interests; the others are
    copies of the first.

    Args:
        interests: K.
        iterations: of routing.
        positions: entries that have first b of their own; those past the last share it.

    Input: vectors e (batch, length, width), ids (batch, length); output: (batch, K, width).
    """

    def build(self, vectors_shape: tuple[Any, ...], ids_shape: tuple[Any, ...]) -> None:
        width = vectors_shape[-1]
        self.bilinear = self.add_weight(shape=(width, width), name="bilinear")
        self.first = self.add_weight(
            shape=(self.positions, self.interests),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=False,
            name="first",
        )

    def call(self, vectors: Any, ids: Any) -> Any:
        there = mask_of(ids, vectors.dtype)
        count = ops.sum(there, axis=1, keepdims=True)
        most = ops.floor(ops.log(ops.maximum(count, 1.0) + 0.5) / np.log(2.0))
        number = np.arange(self.interests, dtype=np.float32)
        is_used = ops.cast(ops.less(number, ops.maximum(most, 1.0)), vectors.dtype)
        places = np.minimum(np.arange(vectors.shape[1]), self.positions - 1)
        mapped = ops.matmul(vectors, self.bilinear)  # (batch, length, width)
        logits = ops.take(self.first, places, axis=0) + ops.zeros_like(mapped[..., :1])
        unused = -1e9 * (1.0 - is_used)[:, None, :]
        for n in range(self.iterations):
            weights = ops.softmax(logits + unused, axis=-1) * there[..., None]
            found = squash(ops.matmul(ops.transpose(weights, (0, 2, 1)), mapped))
            if n + 1 < self.iterations:
                logits = logits + ops.matmul(mapped, ops.transpose(found, (0, 2, 1)))
        used = is_used[..., None]
        return used * found + (1.0 - used) * found[:, :1]


@keras.saving.register_keras_serializable("millstream")
class DynamicRouting(_Routing):
    """Dynamic routing with a map for each position and interest (ComiRec-DR).

    ê_ij = W_ij e_i, c_ij = softmax_j(b_ij), v_j = squash(sum_i c_ij ê_ij), b_ij <- b_ij + <ê_ij,
    v_j>; b begins at 0. No gradient goes through the rounds but the last, as published.

    Args:
        interests: how many.
        iterations: of routing.
        positions: that have maps of their own, the newest first; those past the last share it.

    Input: vectors e (batch, length, width), ids (batch, length); output: (batch, interests, width).
    """

    def __init__(
        self, interests: int = 4, iterations: int = 3, positions: int = 20, **kwargs: Any
    ) -> None:
        super().__init__(interests, iterations, positions, **kwargs)

    def build(self, vectors_shape: tuple[Any, ...], ids_shape: tuple[Any, ...]) -> None:
        width = vectors_shape[-1]
        self.maps = self.add_weight(
            shape=(self.positions, self.interests, width, width),
            initializer=keras.initializers.RandomNormal(stddev=width**-0.5),
            name="maps",
        )

    def call(self, vectors: Any, ids: Any) -> Any:
        there = mask_of(ids, vectors.dtype)[:, None, :]
        places = np.minimum(np.arange(vectors.shape[1]), self.positions - 1)
        mapped = ops.einsum("blw,lkwv->bklv", vectors, ops.take(self.maps, places, axis=0))
        still = ops.stop_gradient(mapped)
        logits = ops.zeros_like(mapped[..., 0])
        for _ in range(self.iterations - 1):
            found = self._found(logits, there, still)
            logits = logits + ops.einsum("bklv,bkv->bkl", still, found)
        return self._found(logits, there, mapped)

    def _found(self, logits: Any, there: Any, mapped: Any) -> Any:
        weights = ops.softmax(logits, axis=1) * there
        return squash(ops.einsum("bkl,bklv->bkv", weights, mapped))


@keras.saving.register_keras_serializable("millstream")
class SelfAttentiveInterests(keras.layers.Layer):
    """V = H A, A = softmax(W_2^T tanh(W_1 (H + P)))^T over the entries (ComiRec-SA).

    Args:
        interests: columns of W_2.
        hidden: width of W_1's result, in widths of H.
        positions: P, the newest first; entries past the last share it.

    Input: vectors H (batch, length, width), ids (batch, length); output: (batch, interests, width).
    """

    def __init__(
        self, interests: int = 4, hidden: int = 4, positions: int = 200, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.interests, self.hidden, self.positions = interests, hidden, positions

    def build(self, vectors_shape: tuple[Any, ...], ids_shape: tuple[Any, ...]) -> None:
        width = vectors_shape[-1]
        small = keras.initializers.RandomNormal(stddev=0.02)
        inner = self.hidden * width
        self.encoding = self.add_weight(
            shape=(self.positions, width), initializer=small, name="encoding"
        )
        self.inner = self.add_weight(shape=(width, inner), name="inner")
        self.outer = self.add_weight(shape=(inner, self.interests), name="outer")

    def call(self, vectors: Any, ids: Any) -> Any:
        places = np.minimum(np.arange(vectors.shape[1]), self.positions - 1)
        placed = vectors + ops.take(self.encoding, places, axis=0)
        scores = ops.matmul(ops.tanh(ops.matmul(placed, self.inner)), self.outer)
        scores = ops.transpose(scores, (0, 2, 1))
        there = mask_of(ids, vectors.dtype)[:, None, :] + ops.zeros_like(scores)
        return ops.matmul(masked_softmax(scores, there), vectors)

    def get_config(self) -> dict[str, Any]:
        own = {"interests": self.interests, "hidden": self.hidden, "positions": self.positions}
        return {**super().get_config(), **own}
