"""From scored candidates to the order of a list: near-duplicates, diversity, back-fill."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from millstream.list_choices import Diversity
from serving.rerank.backfill import backfill
from serving.rerank.deadline import never
from serving.rerank.dpp import dpp
from serving.rerank.mmr import mmr
from serving.retrieval.seen import FRESH, PERHAPS_SEEN, SEEN
from serving.similarity.near_duplicates import repeats

# The best so many candidates for one place of the list take part in diversification.
POOL_FACTOR = 4
POOL_LEAST = 100
DPP_WINDOW = 10


@dataclass(frozen=True)
class ScoredCandidates:
    """Candidates of one request; n of them.

    Args:
        scores: shape (n,), greater is better.
        log_odds: shape (n,), in the order of the scores, up to a constant: what diversity weighs.
        levels: shape (n,): how surely each was seen.
        vectors: m positions -> (m, dim): what diversity compares.
        near_duplicate_pairs: m positions and their vectors -> pairs of near-duplicates among them,
            (pairs, 2) of 0 to m - 1, the earlier first.
    """

    scores: np.ndarray
    log_odds: np.ndarray
    levels: np.ndarray
    vectors: Callable[[np.ndarray], np.ndarray]
    near_duplicate_pairs: Callable[[np.ndarray, np.ndarray], np.ndarray]


def arrange(
    scored: ScoredCandidates,
    k: int,
    diversity: Diversity,
    strength: float = 0.5,
    is_over: Callable[[], bool] = never,
) -> np.ndarray:
    """All candidates worth a place, best first: the first k are the list.

    What is left over follows in the order in which it would fill the list up: the rest of the
    ranking, near-duplicates, what may have been seen, what was.

    Args:
        strength: of diversity, 0 to 1: 0 is the order of the scores.
        is_over: asked before each place; once it is true the places that are left go by score.

    Returns:
        Positions, shape (n,), int64.
    """
    order = np.argsort(-scored.scores, kind="stable")
    fresh = order[scored.levels[order] == FRESH]
    pool = fresh[: max(POOL_FACTOR * k, POOL_LEAST)]
    vectors = scored.vectors(pool)
    stays = ~repeats(scored.near_duplicate_pairs(pool, vectors), len(pool))
    distinct = pool[stays]
    found = _diversified(scored.log_odds[distinct], vectors[stays], k, diversity, strength, is_over)
    chosen = distinct[found]
    perhaps, seen = (order[scored.levels[order] == level] for level in (PERHAPS_SEEN, SEEN))
    beyond = fresh[len(pool) :]
    return backfill(len(order), chosen, distinct, beyond, pool, perhaps, seen)


def by_score(scores: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The order by score alone: what is fresh, what may have been seen, what was; (n,), int64."""
    return np.lexsort((-scores, levels))


def _diversified(
    log_odds: np.ndarray,
    vectors: np.ndarray,
    k: int,
    diversity: Diversity,
    strength: float,
    is_over: Callable[[], bool],
) -> np.ndarray:
    match diversity:
        case "mmr":
            return mmr(log_odds, vectors, k, strength, is_over)
        case "dpp":
            return dpp(log_odds, vectors, k, strength, DPP_WINDOW, is_over)
        case _:
            return np.arange(min(k, len(log_odds)))
