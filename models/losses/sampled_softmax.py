"""Softmax over a sample of the items, corrected for how likely each was to be in the sample.

References: Yi et al., RecSys 2019, https://doi.org/10.1145/3298689.3346996, eq. 3 and 5; Yang et
al., WWW 2020 companion, https://doi.org/10.1145/3366424.3386195, section 3 (mixed negatives).
"""

from typing import Any

import numpy as np
from keras import ops

# Below every logit, and still finite in float32 arithmetic: exp(_OUT - max) is exactly 0.
_OUT = -1e30


def sampled_softmax(
    queries: Any,
    candidates: Any,
    candidate_ids: Any,
    log_q: Any,
    *,
    temperature: float = 0.05,
    hard_negatives: int | None = None,
    weights: Any = None,
) -> Any:
    """-log softmax_i(s_ij / tau - log q_j), the mean over the queries.

    Every candidate is corrected, the positive too. The candidates count as a set: a row leaves out
    those with the id of its own positive (accidental hits), and an item that was drawn more than
    once is taken once, because q_j is the chance to be in the sample at all.

    Args:
        queries: (batch, dim) unit vectors.
        candidates: (batch + extra, dim) unit vectors: row i < batch is the positive of query i, and
            with the `extra` sampled items after them also a negative of the other queries.
        candidate_ids: (batch + extra,) integers.
        log_q: (batch + extra,) logarithm of each item's chance to be among the candidates.
        temperature: tau, above 0.
        hard_negatives: how many negatives of each query are in its sum, those whose corrected
            logits are greatest; None is all.
        weights: (batch,) of the queries; 0 leaves a row's query out, not its candidate.

    Returns:
        The weighted mean, a scalar; 0 where all weights are 0.
    """
    logits = ops.matmul(queries, ops.transpose(candidates)) / temperature
    logits = ops.where(_counts(queries, candidate_ids), logits - log_q, _OUT)
    batch = ops.shape(queries)[0]
    positive = ops.diagonal(logits[:, :batch])
    if hard_negatives is not None:
        logits = _hardest(logits, positive, hard_negatives)
    losses = ops.logsumexp(logits, axis=1) - positive
    if weights is None:
        return ops.mean(losses)
    weights = ops.cast(weights, losses.dtype)
    return ops.sum(losses * weights) / ops.maximum(ops.sum(weights), 1e-12)


def mixture_log_q(batch_q: np.ndarray, *, uniform_draws: int, items: int) -> np.ndarray:
    """The log q of candidates from a batch together with uniform draws over all items.

    q = 1 - (1 - q_batch) (1 - 1/items)^draws: the chance that an item is in either part.

    Args:
        batch_q: chance of each candidate to be in a batch, in [0, 1]; see `StreamingFrequency`.
        uniform_draws: how many candidates were drawn uniformly, with replacement.
        items: how many there are to draw from.

    Returns:
        The shape of `batch_q`, float32.

    Raises:
        ValueError: `items` or `uniform_draws` is out of range.

    >>> np.exp(mixture_log_q(np.array([0.5, 0.0]), uniform_draws=1, items=2)).round(2).tolist()
    [0.75, 0.5]
    """
    if items < 1 or uniform_draws < 0:
        raise ValueError(
            "`items` must be at least 1 and `uniform_draws` at least 0. "
            f"Received: items={items}, uniform_draws={uniform_draws}."
        )
    missed = (1.0 - batch_q) * (1.0 - 1.0 / items) ** uniform_draws
    return np.log(np.maximum(1.0 - missed, 1e-12)).astype(np.float32)


def _hardest(logits: Any, positive: Any, count: int) -> Any:
    """(batch, 1 + count): the positive's logit and the greatest others, `_OUT` for lack of them."""
    own = ops.equal(ops.arange(ops.shape(logits)[0])[:, None], ops.arange(ops.shape(logits)[1]))
    others = ops.where(own, _OUT, logits)
    padding = ops.full_like(positive[:, None], _OUT) * ops.ones((1, count))
    greatest, _ = ops.top_k(ops.concatenate([others, padding], axis=1), count)
    return ops.concatenate([positive[:, None], greatest], axis=1)


def _counts(queries: Any, ids: Any) -> Any:
    """(batch, candidates): whether a candidate is in the sum of a query."""
    row = ops.arange(ops.shape(queries)[0])
    column = ops.arange(ops.shape(ids)[0])
    same = ops.equal(ops.expand_dims(ids, 1), ops.expand_dims(ids, 0))
    is_first = ops.equal(ops.argmax(ops.cast(same, "int32"), axis=1), ops.cast(column, "int32"))
    is_own = ops.equal(ops.expand_dims(row, 1), ops.expand_dims(column, 0))
    is_hit = same[: ops.shape(queries)[0]]
    return ops.logical_or(is_own, ops.logical_and(is_first, ops.logical_not(is_hit)))
