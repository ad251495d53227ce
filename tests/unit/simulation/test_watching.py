"""Where the right answer stood at each stage of a list's making."""

import numpy as np

from features.popularity import FAST, SLOW
from serving.recommend.request import Ranked
from serving.retrieval.candidates import Candidates
from serving.retrieval.seen import FRESH, SEEN
from serving.retrieval.source import RetrievalRequest
from simulation.watching import stages


class OneSource:
    """A source whose first rows are known."""

    def __init__(self):
        self.weights = {"recent": 1.0}

    def first(self, name, wanted, count):
        return np.array([3, 8])[:count]


def placed(target):
    """The places of catalogue row `target` among four candidates, one of which was seen."""
    rows, none = np.array([5, 3, 9, 8]), np.zeros((4, 1), bool)
    ranked = Ranked(
        Candidates(rows, ("recent",), none),
        levels=np.array([FRESH, FRESH, SEEN, FRESH]),
        features={FAST: np.array([1.0, 0.0, 99.0, 7.0]), SLOW: np.ones(4)},
        scores=np.array([0.1, 0.9, 0.95, 0.5]),
    )
    wanted = RetrievalRequest(np.ones(10, bool), fresh=1, total=4, time_s=0.0)
    return stages(wanted, ranked, OneSource(), target)  # type: ignore[arg-type]


def test_each_stage_has_its_own_order_without_what_was_seen():
    found = placed(8)
    assert (found.retrieved, found.counted, found.ranked) == (2, 0, 1)
    assert found.sources == {"recent": 1} and found.is_candidate


def test_what_nobody_brought_is_nowhere():
    found = placed(7)
    assert (found.retrieved, found.counted, found.ranked) == (-1, -1, -1)
    assert found.sources == {"recent": -1} and not found.is_candidate
