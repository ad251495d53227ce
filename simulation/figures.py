"""From answers to figures: by who answered, over time and by segment."""

from collections.abc import Callable, Mapping

import numpy as np

from millstream.settings import SourceName
from serving.retrieval.candidates import shares
from simulation.judging import gains, hits, mean_over, reciprocal_ranks
from simulation.outcome import LOOP, Outcome

DEPTHS = (100, 500)
_MEASURES: Mapping[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "HR": hits,
    "NDCG": gains,
    "MRR": reciprocal_ranks,
}


def quality(ranks: np.ndarray, k: int, hours: np.ndarray) -> dict[str, float]:
    """HR, NDCG and MRR at `k`: the mean of the hours' means.

    Args:
        ranks: (questions,) places of the right answers.
        hours: (questions,) of the log.
    """
    return {
        f"{name}@{k}": mean_over(measure(ranks, k), hours) for name, measure in _MEASURES.items()
    }


def by_answerer(outcome: Outcome, k: int, hours: np.ndarray) -> dict[str, dict[str, float]]:
    """`quality` of the loop and of every baseline."""
    return {name: quality(outcome.rank_array(name), k, hours) for name in outcome.ranks}


def by_hour(outcome: Outcome, k: int, hours: np.ndarray) -> dict[str, dict[int, float]]:
    """NDCG of everyone in each hour of the log."""
    return {
        name: {
            int(hour): float(gains(outcome.rank_array(name)[hours == hour], k).mean())
            for hour in np.unique(hours)
        }
        for name in outcome.ranks
    }


def by_segment(outcome: Outcome, k: int, hours: np.ndarray) -> dict[str, dict[str, float]]:
    """`quality` of the loop where user and item were known, or new; and how many there were."""
    ranks = outcome.rank_array(LOOP)
    found = {}
    for side in ("user", "item"):
        known = np.array(getattr(outcome, f"known_{side}"), np.bool_)
        for name, chosen in ((f"known {side}", known), (f"new {side}", ~known)):
            if chosen.any() and len(ranks):
                found[name] = {
                    "questions": float(chosen.sum()),
                    **quality(ranks[chosen], k, hours[chosen]),
                }
    return found


def by_stage(outcome: Outcome, k: int, hours: np.ndarray) -> dict[str, dict[str, float]]:
    """`quality` of the loop's candidates as retrieved, as ranked, and of its list."""
    if not outcome.stages:
        return {}
    return {
        "as retrieved": quality(outcome.stage_ranks("retrieved"), k, hours),
        "as ranked": quality(outcome.stage_ranks("ranked"), k, hours),
        "list": quality(outcome.rank_array(LOOP), k, hours),
    }


def recalls(outcome: Outcome, hours: np.ndarray) -> dict[str, dict[str, float]]:
    """Recall of each source among its own first 100 and 500, and of their union by share."""
    if not outcome.stages:
        return {}
    ranks = outcome.source_ranks()
    found = {
        name: {f"recall@{depth}": mean_over(hits(own, depth), hours) for depth in DEPTHS}
        for name, own in ranks.items()
    }
    found["union"] = {
        f"recall@{depth}": _union(ranks, depth, hours, outcome.weights) for depth in DEPTHS
    }
    return found


def _union(
    ranks: Mapping[str, np.ndarray],
    depth: int,
    hours: np.ndarray,
    weights: Mapping[SourceName, float],
) -> float:
    """Recall of the candidates that all sources bring together when `depth` are asked for."""
    count = {str(name): share for name, share in shares(depth, weights).items()}
    brought = np.stack([hits(own, count[name]) for name, own in ranks.items()])
    return mean_over(brought.max(axis=0), hours)
