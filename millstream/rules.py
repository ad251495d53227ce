"""Rules: functions of a project's own that order the candidates of a list anew, or leave some out.

def margin_first(order, candidates):
    return order[np.argsort(-candidates.features["item_margin"][order], kind="stable")]
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RuleCandidates:
    """Candidates of one list; n of them, by position.

    Args:
        scores: (n,) float64, greater is better.
        seen: (n,) bool: which the user has seen, or may have.
        features: what is known of each item, as of now: (n,) or (n, length) by column, such as
            `item_price`; texts are 64-bit keys (`millstream.ids.id64`).
    """

    scores: np.ndarray
    seen: np.ndarray
    features: Mapping[str, np.ndarray]


# Takes positions, best first, and gives those that stay in their new order.
Rule = Callable[[np.ndarray, RuleCandidates], np.ndarray]


def ruled(rule: Rule, order: np.ndarray, candidates: RuleCandidates) -> np.ndarray:
    """What a rule makes of an order.

    Raises:
        ValueError: it is not some of the positions, each once.
    """
    found = np.asarray(rule(order.copy(), candidates))
    is_whole = found.ndim == 1 and (found.dtype.kind in "iu" or not len(found))
    if not is_whole or len(np.unique(found)) < len(found) or not np.isin(found, order).all():
        raise ValueError(
            f"A rule must give some of the positions that it takes, each once. Received: "
            f"{found.dtype} of shape {found.shape}."
        )
    return found.astype(np.int64)
