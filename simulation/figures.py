"""From answers to figures: by who answered, over time and by segment."""

from collections.abc import Callable, Mapping

import numpy as np

from serving.retrieval.candidates import shares
from simulation.judging import gains, hits, mean_known, mean_over, reciprocal_ranks
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


def by_value(
    outcome: Outcome, k: int, hours: np.ndarray, values: np.ndarray
) -> dict[str, dict[str, float]]:
    """`quality` of the loop by the value of a segment, most questions first.

    Args:
        values: (questions,) text.
    """
    ranks, names = outcome.rank_array(LOOP), values.astype(str)
    if not len(ranks):
        return {}
    count = {name: float((names == name).sum()) for name in np.unique(names).tolist()}
    return {
        name: {
            "questions": count[name],
            **quality(ranks[names == name], k, hours[names == name]),
        }
        for name in sorted(count, key=lambda name: (-count[name], name))
    }


def by_finder(outcome: Outcome, k: int) -> dict[str, dict[str, float]]:
    """By source: the hits that it brought, alone or with others, and their part of all questions.

    `only` are hits that no other source brought.
    """
    asked, found = len(outcome.found_by), [each for each in outcome.found_by if each]
    gain = gains(outcome.rank_array(LOOP), k)
    rows = {}
    for source in sorted({name for each in found for name in each}):
        own = np.array([source in each for each in outcome.found_by], np.bool_)
        rows[source] = {
            "hits": float(own.sum()),
            "share of questions": float(own.sum() / asked),
            "only": float(sum(each == (source,) for each in found)),
            f"NDCG@{k} of hits": float(gain[own].mean()),
        }
    return rows


def over_time(
    outcome: Outcome, k: int, hours: np.ndarray, further: Mapping[str, np.ndarray]
) -> dict[int, dict[str, float]]:
    """The loop by hour of the log: questions, HR, NDCG, and the mean of what else is known.

    Args:
        further: (questions,) by name; NaN where nothing is known.
    """
    ranks = outcome.rank_array(LOOP)
    if not len(ranks):
        return {}
    columns = {f"HR@{k}": hits(ranks, k), f"NDCG@{k}": gains(ranks, k), **further}
    return {
        int(hour): {
            "questions": float((hours == hour).sum()),
            **{name: mean_known(values[hours == hour]) for name, values in columns.items()},
        }
        for hour in np.unique(hours)
    }


def by_stage(outcome: Outcome, k: int, hours: np.ndarray) -> dict[str, dict[str, float]]:
    """`quality` of the loop's candidates by stage of the making, and of its list."""
    if not outcome.stages:
        return {}
    return {
        "as retrieved": quality(outcome.stage_ranks("retrieved"), k, hours),
        "by the best counter": quality(outcome.stage_ranks("counted"), k, hours),
        "as ranked": quality(outcome.stage_ranks("ranked"), k, hours),
        "as fused": quality(outcome.stage_ranks("fused"), k, hours),
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
    weights: Mapping[str, float],
) -> float:
    """Recall of the candidates that all sources bring together when `depth` are asked for."""
    count = {str(name): share for name, share in shares(depth, weights).items()}
    brought = np.stack([hits(own, count[name]) for name, own in ranks.items()])
    return mean_over(brought.max(axis=0), hours)
