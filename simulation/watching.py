"""The candidates behind a list: where the right answer stood at each stage of its making."""

from dataclasses import dataclass

import numpy as np

from features.counter import counter_scores
from serving.recommend.request import Ranked
from serving.retrieval.retrieve import Retrieval
from serving.retrieval.seen import FRESH
from serving.retrieval.source import RetrievalRequest
from simulation.judging import NOT_FOUND, rank_of

# How deep each source is looked at, whatever its share of the candidates is.
DEPTH = 500


@dataclass(frozen=True)
class Stages:
    """Places of the right answer, from 0; -1 where it is not there.

    Args:
        sources: by source, among the first `DEPTH` of each.
        retrieved: among the unseen candidates, as retrieval orders them.
        counted: the same, as the best counter orders them, which a degraded list goes by.
        ranked: the same, as the ranker alone orders them.
        fused: the same, in the order of their scores, which are fused where that is better.
        is_candidate: whether any source brought it within its share.
    """

    sources: dict[str, int]
    retrieved: int
    counted: int
    ranked: int
    fused: int
    is_candidate: bool


def stages(wanted: RetrievalRequest, ranked: Ranked, retrieval: Retrieval, target: int) -> Stages:
    """Rank of catalogue row `target`; `NOT_FOUND` is a row of no item."""
    rows, fresh = ranked.candidates.rows, ranked.levels == FRESH
    by_counter = counter_scores(ranked.features, wanted.recent)
    counted, by_ranker, fused = (
        np.argsort(-scores[fresh], kind="stable")
        for scores in (by_counter, ranked.by_ranker, ranked.scores)
    )
    return Stages(
        {
            source: rank_of(target, retrieval.first(source, wanted, DEPTH))
            for source in retrieval.weights
        },
        rank_of(target, rows[fresh]),
        rank_of(target, rows[fresh][counted]),
        rank_of(target, rows[fresh][by_ranker]),
        rank_of(target, rows[fresh][fused]),
        target != NOT_FOUND and bool(np.isin(target, rows)),
    )
