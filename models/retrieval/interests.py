"""Which of a user's interests answers for an item, and lists out of several interests."""

from typing import Any

import numpy as np
from keras import ops


def nearest_interest(interests: Any, positives: Any) -> Any:
    """V[:, argmax_k <v_k, e_i>]: the interest that scores the positive best.

    Reference: Cen et al., KDD 2020, https://arxiv.org/abs/2005.09347, eq. 9.

    Args:
        interests: (batch, interests, dim).
        positives: (batch, dim).

    Returns:
        (batch, dim).
    """
    scores = ops.einsum("bkd,bd->bk", interests, positives)
    best = ops.one_hot(ops.argmax(scores, axis=1), interests.shape[1], dtype=interests.dtype)
    return ops.einsum("bk,bkd->bd", best, interests)


def label_aware(power: float) -> Any:
    """The mixture softmax_k(pow(<v_k, e_i>, power)) of interests, as a function of both.

    A negative product keeps its sign. An interest that is a copy of the first has no part.

    Reference: Li et al., CIKM 2019, https://arxiv.org/abs/1904.08030, eq. 8.
    """

    def mixed(interests: Any, positives: Any) -> Any:
        scores = ops.einsum("bkd,bd->bk", interests, positives)
        raised = ops.sign(scores) * ops.power(ops.abs(scores) + 1e-12, power)
        is_copy = ops.all(ops.equal(interests, interests[:, :1]), axis=-1)
        is_later = np.arange(interests.shape[1]) > 0
        raised = ops.where(ops.logical_and(is_copy, is_later), -1e9, raised)
        return ops.einsum("bk,bkd->bd", ops.softmax(raised, axis=-1), interests)

    return mixed


def aggregated(scores: np.ndarray, categories: np.ndarray, k: int, strength: float) -> np.ndarray:
    """The `k` items that a greedy choice takes for Q(S) = sum_i f_i + strength sum_ij [c_i != c_j].

    The inner sum is over ordered pairs of S. With `strength` 0 it is the order of the scores.

    Reference: Cen et al., KDD 2020, https://arxiv.org/abs/2005.09347, algorithm 2.

    Args:
        scores: (n,) f_i, the greatest of an item's products with the interests.
        categories: (n,) of any type.
        k: how many.
        strength: lambda.

    Returns:
        Up to `k` places, in the order of their choice.

    >>> aggregated(np.array([3.0, 2.9, 2.0]), np.array(["a", "a", "b"]), 2, 0.5).tolist()
    [0, 2]
    """
    _, category = np.unique(categories, return_inverse=True)
    taken_of = np.zeros(category.max(initial=-1) + 1)
    gains, chosen = scores.astype(np.float64), list[int]()
    for size in range(min(k, len(scores))):
        # Each pair counts in both directions.
        best = int(np.argmax(gains + 2.0 * strength * (size - taken_of[category])))
        chosen.append(best)
        gains[best] = -np.inf
        taken_of[category[best]] += 1
    return np.array(chosen, np.int64)
