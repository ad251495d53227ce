"""What the dual augmented two-tower model adds to its softmax.

Reference: Yu et al., DLP-KDD 2021, https://dlp-kdd.github.io/assets/pdf/DLP-KDD_2021_paper_4.pdf,
eq. 5 to 7.
"""

from typing import Any

from keras import ops


def mimic(augmented: Any, vectors: Any, weights: Any = None) -> Any:
    """|a - sg(p)|^2, the weighted mean over positive pairs: what one side keeps of the other.

    Args:
        augmented: (batch, dim) of one side; learnt.
        vectors: (batch, dim) that the other side gives; not moved.
        weights: (batch,); None is 1 each.

    Returns:
        A scalar; 0 where all weights are 0.
    """
    each = ops.sum(ops.square(augmented - ops.stop_gradient(vectors)), axis=-1)
    if weights is None:
        return ops.mean(each)
    weights = ops.cast(weights, each.dtype)
    return ops.sum(weights * each) / ops.maximum(ops.sum(weights), 1e-12)


def category_alignment(vectors: Any, categories: Any) -> Any:
    """sum_c |Cov(S_major) - Cov(S_c)|_F^2 over the categories of the batch with two items or more.

    S_c are the vectors of category c, S_major those of the one with most; category 0 is none.

    Args:
        vectors: (n, dim) of items.
        categories: (n,) integers.

    Returns:
        A scalar.
    """
    same = ops.equal(categories[:, None], categories[None, :])
    first = ops.equal(ops.argmax(ops.cast(same, "int32"), axis=1), ops.arange(ops.shape(same)[0]))
    members = ops.cast(same, vectors.dtype)
    count = ops.sum(members, axis=1)
    is_group = ops.logical_and(count > 1.5, ops.not_equal(categories, 0))
    mean = ops.matmul(members, vectors) / count[:, None]
    products = ops.einsum("nd,ne->nde", vectors, vectors)
    raised = ops.einsum("mn,nde->mde", members, products)
    outer = ops.einsum("md,me->mde", mean, mean) * count[:, None, None]
    covariance = (raised - outer) / ops.maximum(count - 1.0, 1.0)[:, None, None]
    major = ops.argmax(ops.where(is_group, count, 0.0))
    gap = ops.sum(ops.square(covariance - ops.take(covariance, major, axis=0)), axis=(1, 2))
    return ops.sum(ops.where(ops.logical_and(is_group, first), gap, 0.0))
