"""Progressive quality of whole lists: where the right answer stands among all items that came
lately, before it is learnt.

Now and then some positives of a batch are questions. With what their rows say of the person and the
moment, every item that is known is put in order: by each source alone, and by the ranker among the
first of all sources. What the person met last is left out, as in a list. It is the quality of what
is learnt and not of what is served: nothing is late here, and nothing is diversified.

    HR@20   = mean over questions of [place < 20]
    NDCG@20 = mean over questions of [place < 20] / log2(2 + place)
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from features.as_of import as_of
from features.columns import Arrays, arrays_from_rows
from features.context import CONTEXT
from features.counter import counter_scores
from features.encode import encode, encode_entity
from features.popularity import SLOW, popularity_now
from features.predecessors import PREDECESSORS, followed, latest
from features.spec import FEATURES, RECENT
from online_trainer.evaluation.paired import BLOCKS, Interval, worse_by
from online_trainer.io.examples import ExampleBatch
from online_trainer.learners.batch import Batch
from online_trainer.learners.newest_items import NewestItems
from online_trainer.learners.ranker import Ranker
from online_trainer.learners.retriever import Retriever

K = 20
# `ranked` is the ranker's order of the first `_FIRST` of each of the others.
SOURCES = ("counted", "co_occurrence", "trending", "popular", "two_tower")
STAGES = ("ranked", *SOURCES)
LEAST_QUESTIONS = 10 * BLOCKS
_FIRST, _AT_ONCE, _NOT_FOUND, _NEVER = 100, 8, -1, -np.inf
_AS_OF = "_as_of"  # the column of the moment that an item's features hold for
_ITEM = tuple(feature for feature in FEATURES if feature.entity == "item")
_USER = tuple(feature.name for feature in FEATURES if feature.entity == "user")
_OF_QUESTION = (*_USER, *(column.name for column in CONTEXT))


class _Question(NamedTuple):
    """One positive that is asked about.

    Args:
        place: of its row in the batch.
        target: row of its item among the known ones.
        scores: (items,) by source; `_NEVER` of what may not be shown.
        candidates: rows of items for the ranker.
    """

    place: int
    target: int
    scores: Mapping[str, np.ndarray]
    candidates: np.ndarray


class ProgressiveLists:
    """Asks, and keeps the newest answers.

    Args:
        every: examples for each question.
        kept: newest questions that figures are of.
        capacity: most items.
    """

    def __init__(self, every: int, kept: int = 1_000, capacity: int = 4_096) -> None:
        one = arrays_from_rows([{}], _ITEM)
        shapes = {name: (column.shape[1:], column.dtype) for name, column in one.items()}
        shapes |= {"item_id": ((), np.dtype(np.int64)), _AS_OF: ((), np.dtype(np.float64))}
        self.questions = 0
        self._items = NewestItems(shapes, capacity)
        self._every, self._kept, self._next = every, kept, every
        self._ranks = np.zeros((0, len(STAGES)), np.int64)

    def ask(
        self, examples: ExampleBatch, learnt: int, ranker: Ranker, retriever: Retriever
    ) -> None:
        """Ask about positives of a batch that is not learnt from yet, if questions are due.

        Args:
            learnt: examples that were learnt from.
        """
        if learnt < self._next or not len(self._items):
            return
        asked = self._questions(examples, retriever)
        if not asked:
            return
        self._next = learnt + self._every * len(asked)
        batch = self._rows(examples, asked)
        ends = np.cumsum([len(question.candidates) for question in asked])[:-1]
        scored = np.split(ranker.score(batch), ends)
        ranks = [_ranks(q, scores) for q, scores in zip(asked, scored, strict=True)]
        self._ranks = np.concatenate([self._ranks, ranks])[-self._kept :]
        self.questions += len(asked)

    def update(self, examples: ExampleBatch) -> None:
        """Take in what a batch says of its items."""
        rows = {feature.name: examples.features[feature.name] for feature in _ITEM}
        ids = {"item_id": examples.batch.inputs["item_id"], _AS_OF: examples.event_time}
        self._items.update({**rows, **ids})

    def values(self) -> dict[tuple[str, str], float]:
        """HR and NDCG by figure (`list_hr`, `list_ndcg`) and stage; empty before a question."""
        if not len(self._ranks):
            return {}
        found = {"list_hr": self._hits(), "list_ndcg": self._gains()}
        return {
            (name, stage): float(figures[:, place].mean())
            for name, figures in found.items()
            for place, stage in enumerate(STAGES)
        }

    def behind_counter(self) -> Interval | None:
        """By how much NDCG of `ranked` is below that of `counted`; None before enough questions."""
        if len(self._ranks) < LEAST_QUESTIONS:
            return None
        ours, theirs = (
            np.stack([[block.sum(), len(block)] for block in np.array_split(gains, BLOCKS)])
            for gains in self._gains()[:, [STAGES.index("ranked"), STAGES.index("counted")]].T
        )
        return worse_by(lambda sums: -float(sums[0] / sums[1]), ours, theirs)

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that a snapshot holds; the items come anew."""
        return {"ranks": self._ranks, "counts": np.array([self.questions, self._next])}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state`."""
        self._ranks, (self.questions, self._next) = state["ranks"], state["counts"].tolist()

    def _hits(self) -> np.ndarray:
        return ((self._ranks >= 0) & (self._ranks < K)).astype(np.float64)

    def _gains(self) -> np.ndarray:
        return self._hits() / np.log2(2.0 + np.maximum(self._ranks, 0))

    def _questions(self, examples: ExampleBatch, retriever: Retriever) -> list[_Question]:
        """Some of the batch's positives whose item is known and was not met lately."""
        batch = examples.batch
        places = np.flatnonzero(batch.is_positive)
        targets = self._items.places(batch.inputs["item_id"][places])
        met = examples.features[RECENT][places]
        is_new = (met != batch.inputs["item_id"][places, None]).all(axis=1)
        fit = np.flatnonzero((targets >= 0) & is_new)
        fit = fit[np.arange(min(len(fit), _AT_ONCE)) * len(fit) // _AT_ONCE]
        if not len(fit):
            return []
        now_s = float(examples.event_time[places[fit]].max())
        items = self._as_of(np.arange(len(self._items)), now_s)
        inputs = encode_entity("item", items["item_id"], items, now_s)
        near = retriever.similarities(batch.take(places[fit]).inputs, inputs)
        return [
            self._question(place, target, items, recent, each)
            for place, target, recent, each in zip(
                places[fit].tolist(), targets[fit].tolist(), met[fit], near, strict=True
            )
        ]

    def _question(
        self, place: int, target: int, items: Arrays, recent: np.ndarray, near: np.ndarray
    ) -> _Question:
        newest = recent[recent != 0]
        fading = PREDECESSORS.fading if PREDECESSORS else 1.0
        scores = {
            "counted": counter_scores(items, newest),
            "co_occurrence": followed(items, latest(newest), fading),
            "trending": popularity_now(items),
            "popular": items[SLOW],
            "two_tower": near,
        }
        may_be = ~np.isin(items["item_id"], recent)
        scores = {name: np.where(may_be, each, _NEVER) for name, each in scores.items()}
        firsts = [_first(scores[source]) for source in SOURCES]
        return _Question(place, target, scores, np.unique(np.concatenate(firsts)))

    def _rows(self, examples: ExampleBatch, asked: Sequence[_Question]) -> Batch:
        """The candidates of all questions as rows to be scored, question by question."""
        count = [len(question.candidates) for question in asked]
        places = np.repeat([question.place for question in asked], count)
        rows = np.concatenate([question.candidates for question in asked])
        times = examples.event_time[places]
        items = self._as_of(rows, times)
        of_question = {name: examples.features[name][places] for name in _OF_QUESTION}
        ids = {
            "user_id": examples.batch.inputs["user_id"][places],
            "item_id": items["item_id"],
        }
        nothing = np.zeros(len(rows), np.float32)
        inputs = encode(ids, {**of_question, **items}, times)
        return Batch(inputs, nothing, nothing, np.zeros(len(rows), np.bool_))

    def _as_of(self, rows: np.ndarray, time_s: float | np.ndarray) -> Arrays:
        """Features of known items, brought to a later time."""
        stored = {name: column[rows] for name, column in self._items.columns.items()}
        moved = as_of({**stored, "item_updated_at": stored.pop(_AS_OF)}, "item", time_s)
        return {**moved, "item_updated_at": stored["item_updated_at"]}


def _first(scores: np.ndarray) -> np.ndarray:
    """The rows with the greatest scores that bring something, in any order."""
    if len(scores) > _FIRST:
        best = np.argpartition(-scores, _FIRST)[:_FIRST]
    else:
        best = np.arange(len(scores))
    return best[scores[best] > _NEVER]


def _ranks(question: _Question, scored: np.ndarray) -> list[int]:
    """Places of the right answer by stage, `_NOT_FOUND` where it is not there."""
    at = np.flatnonzero(question.candidates == question.target)
    ranked = _place(scored, int(at[0])) if len(at) else _NOT_FOUND
    return [ranked, *(_place(question.scores[source], question.target) for source in SOURCES)]


def _place(scores: np.ndarray, target: int) -> int:
    """How many score better; of those that score the same, half of them do."""
    own = scores[target]
    if own <= _NEVER:
        return _NOT_FOUND
    return int((scores > own).sum() + ((scores == own).sum() - 1) // 2)
