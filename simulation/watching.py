"""The candidates behind a list: where the right answer stood at each stage of its making."""

from dataclasses import dataclass

import numpy as np

from serving.recommend.request import Ranked
from serving.retrieval.rankings import Rankings
from serving.retrieval.retrieve import POPULAR, RECENT, TRENDING, TWO_TOWER, RetrievalRequest
from serving.retrieval.seen import FRESH
from simulation.judging import NOT_FOUND, rank_of

SOURCES = (TWO_TOWER, TRENDING, POPULAR, RECENT)
# How deep each source is looked at, whatever its share of the candidates is.
DEPTH = 500


@dataclass(frozen=True)
class Stages:
    """Places of the right answer, from 0; -1 where it is not there.

    Args:
        sources: by source, among the first `DEPTH` of each.
        retrieved: among the unseen candidates, as retrieval orders them.
        ranked: the same, as ranking orders them.
        is_candidate: whether any source brought it within its share.
    """

    sources: dict[str, int]
    retrieved: int
    ranked: int
    is_candidate: bool


def stages(wanted: RetrievalRequest, ranked: Ranked, rankings: Rankings, target: int) -> Stages:
    """Rank of catalogue row `target`; `NOT_FOUND` is a row of no item."""
    found = {
        TRENDING: rankings.trending(DEPTH, wanted.allowed, wanted.time_s),
        POPULAR: rankings.popular(DEPTH, wanted.allowed, wanted.time_s),
        RECENT: rankings.recent(DEPTH, wanted.allowed, wanted.time_s),
        TWO_TOWER: np.empty(0, np.int64),
    }
    if wanted.query is not None and wanted.index is not None:
        found[TWO_TOWER], _ = wanted.index.search(wanted.query, DEPTH, wanted.allowed)
    rows, fresh = ranked.candidates.rows, ranked.levels == FRESH
    order = np.argsort(-ranked.scores[fresh], kind="stable")
    return Stages(
        {source: rank_of(target, found[source]) for source in SOURCES},
        rank_of(target, rows[fresh]),
        rank_of(target, rows[fresh][order]),
        target != NOT_FOUND and bool(np.isin(target, rows)),
    )
