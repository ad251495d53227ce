"""The best counter: co-occurrence with what was met last, and popularity, as one estimate."""

import numpy as np

from features.columns import Arrays
from features.popularity import popularity_now
from features.predecessors import PREDECESSORS, followed_each, latest

# Followers of an item that popularity counts for.
_PRIOR = 10.0


def counter_scores(features: Arrays, recent: np.ndarray) -> np.ndarray:
    """Score of each candidate without a model, (items,) float64.

    P(j | i) = (followed(i, j) + prior * share(j)) / (followed(i) + prior), added up over the latest
    items i, which fade as the feature says: the less is known of what follows i, the more
    popularity says (a Dirichlet prior with popularity as its mean). Popularity alone where nothing
    was met, or no feature counts followers.

    Args:
        features: of the items, as of now.
        recent: keys of what the user met last, the newest first.
    """
    if not len(recent):
        return popularity_now(features)
    return counter_of(features, followed_each(features, latest(recent)))


def counter_of(features: Arrays, followed: np.ndarray) -> np.ndarray:
    """The same, where it is known how often each item followed the latest ones.

    Args:
        followed: (entries, items), see `followed_each`.
    """
    popular = popularity_now(features)
    if PREDECESSORS is None or not len(followed):
        return popular
    share = popular / max(float(popular.sum()), np.finfo(np.float64).tiny)
    scores, weight = np.zeros(len(popular)), 1.0
    for counts in followed:
        scores += weight * (counts + _PRIOR * share) / (counts.sum() + _PRIOR)
        weight *= PREDECESSORS.fading
    return scores
