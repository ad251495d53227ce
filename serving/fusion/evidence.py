"""Evidence on the candidates of a list: what ranker, sources and counters say of each.

All of it is of the moment of the request, so what is learnt from it and what is asked of it later
are computed alike.
"""

from typing import NamedTuple

import numpy as np

from features.columns import Arrays
from features.counter import counter_of
from features.families import Count
from features.predecessors import PREDECESSORS, followed_each, latest
from features.spec import CREATED, DECLARED
from serving.catalogue.catalogue import Catalogue
from serving.retrieval.candidates import Candidates
from serving.retrieval.neighbours import FollowUps
from serving.retrieval.source import RetrievalRequest

# Counts of items, whose logarithms are columns.
COUNTS = tuple(f.name for f in DECLARED if isinstance(f, Count) and f.view.entity == "item")
# So many of the items that were met last have columns of their own.
STEPS = 3 if PREDECESSORS is not None else 0
RANKER = "ranker"
COLUMNS = (
    *(RANKER, "retriever", "counter", "neighbours", "neighbours_share", "age"),
    *("retrieved_rank", "ranker_rank", "counter_rank", "neighbours_rank"),
    *("item_neighbours", "item_neighbours_cosine", "item_neighbours_rank"),
    *(f"{name}_{step}" for step in range(1, STEPS + 1) for name in ("follows", "follows_share")),
    *COUNTS,
)
_ALIKE = COLUMNS.index("item_neighbours")
_FOLLOWS = _ALIKE + 3
# Added to a count or a share before its logarithm is taken.
_LEAST_COUNT, _LEAST_SHARE, _LEAST_COSINE = 1e-2, 1e-6, 1e-3
# Added to a sum before a share of it is taken: few events are little evidence.
_PRIOR = 10.0
# Added to a rank, from 0, before its logarithm is taken: so falls the gain of NDCG.
_RANK = 2.0
_MINUTE_S = 60.0


class Moment(NamedTuple):
    """A request for candidates, and what came of it.

    Args:
        features: of the candidates, as of the request's time.
    """

    wanted: RetrievalRequest
    candidates: Candidates
    features: Arrays


def evidence(moment: Moment, scores: np.ndarray, catalogue: Catalogue) -> np.ndarray:
    """Evidence on each candidate, (candidates, columns) float64, finite.

    Args:
        scores: the ranker's, in units in which a difference means something, (candidates,).
    """
    wanted, candidates, features = moment
    count, recent = len(candidates), latest(wanted.recent)
    followed = followed_each(features, recent)
    columns = np.zeros((len(COLUMNS), count))
    columns[0] = scores
    columns[1] = _likeness(wanted, candidates.rows)
    columns[2] = np.log(_shares(counter_of(features, followed)) + _LEAST_SHARE)
    keys = catalogue.keys(candidates.rows)
    columns[3:5] = _both(_scores_of(keys, wanted.follow_ups(catalogue.people)))
    columns[5] = _log_age(features, wanted.time_s)
    columns[6] = by_rank = -np.log(np.arange(count) + _RANK)
    for place, of in ((7, 0), (8, 2), (9, 3)):
        columns[place] = _ranked(columns[of], by_rank)
    cosines = _scores_of(keys, wanted.alike(catalogue.neighbours))
    columns[_ALIKE] = np.log(cosines + _LEAST_COSINE)
    columns[_ALIKE + 1], columns[_ALIKE + 2] = cosines, _ranked(cosines, by_rank)
    for step, counts in enumerate(followed[:STEPS]):
        columns[_FOLLOWS + 2 * step : _FOLLOWS + 2 * step + 2] = _both(counts)
    for place, name in enumerate(COUNTS, _FOLLOWS + 2 * STEPS):
        columns[place] = np.log(np.fmax(features[name], 0.0) + _LEAST_COUNT)
    found = columns.T
    return found if np.isfinite(found).all() else np.nan_to_num(found, posinf=0.0, neginf=0.0)


def _likeness(wanted: RetrievalRequest, rows: np.ndarray) -> np.ndarray:
    """The retriever's scores; of items without a vector the mean of those that have one."""
    if wanted.query is None or wanted.index is None:
        return np.zeros(len(rows))
    has = wanted.index.has(rows)
    if not has.any():
        return np.zeros(len(rows))
    known = (wanted.index.vectors(rows[has]) @ np.atleast_2d(wanted.query).T).max(axis=1)
    found = np.full(len(rows), float(known.mean()))
    found[has] = known
    return found


def _scores_of(keys: np.ndarray, found: FollowUps) -> np.ndarray:
    """Scores of the items of `keys`, 0 where there is none, (items,)."""
    if not len(found.keys):
        return np.zeros(len(keys))
    order = np.argsort(found.keys)
    place = order[np.minimum(np.searchsorted(found.keys[order], keys), len(order) - 1)]
    return np.where(found.keys[place] == keys, found.scores[place], 0.0)


def _log_age(features: Arrays, time_s: float) -> np.ndarray:
    """Logarithm of the age of items; 0 where it is not known."""
    created = np.nan_to_num(np.asarray(features[CREATED], np.float64))
    age_s = np.where(created > 0.0, time_s - created, 0.0)
    return np.log1p(np.maximum(age_s, 0.0) / _MINUTE_S)


def _ranked(values: np.ndarray, by_rank: np.ndarray) -> np.ndarray:
    """Less the logarithms of the ranks, the greatest value first."""
    found = np.empty(len(values))
    found[np.argsort(-values, kind="stable")] = by_rank
    return found


def _both(counts: np.ndarray) -> np.ndarray:
    """Logarithms and shares of counts, (2, n)."""
    return np.stack([np.log(counts + _LEAST_COUNT), counts / (counts.sum() + _PRIOR)])


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / max(float(counts.sum()), np.finfo(np.float64).tiny)
