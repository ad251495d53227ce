"""The ranker and the best counter agree on an order.

What a counter knows is certain and little, what a ranker knows is much and less certain, and they
err about different items. Their orders are fused by reciprocal ranks, and the ranker's scores are
dealt out anew in that order: they stay its own, and what reads them (diversity, draws, the answer)
need not know of it.

Reference: Cormack, Clarke and Buettcher, SIGIR 2009, https://doi.org/10.1145/1571941.1572114.
"""

import numpy as np

# How little the first places differ, as of the reference.
_RANK_CONSTANT = 60.0


def consensus(scores: np.ndarray, counts: np.ndarray, weight: float) -> np.ndarray:
    """The scores, the greatest for the item with the greatest 1 / (60 + rank) + w / (60 + rank').

    Args:
        scores: (items,) of the ranker, whose order gives the ranks.
        counts: (items,) of the counter, which give the ranks'; equal ones stand as the items do.
        weight: w, of the counter's order.

    >>> consensus(np.array([0.9, 0.8, 0.1]), np.array([0.0, 5.0, 1.0]), weight=1.0).tolist()
    [0.8, 0.9, 0.1]
    """
    by_rank = 1.0 / (_RANK_CONSTANT + np.arange(len(scores)))
    by_score = np.argsort(-scores, kind="stable")
    fused = np.empty(len(scores))
    fused[by_score] = by_rank
    fused[np.argsort(-counts, kind="stable")] += weight * by_rank
    dealt = np.empty_like(scores)
    dealt[np.argsort(-fused, kind="stable")] = scores[by_score]
    return dealt
