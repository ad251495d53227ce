"""Models of a matrix as runs of lists."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from models.catalogue import find
from models.collaborative.protocol import MatrixModel
from models.evaluation.lists.full_corpus import Scorer
from models.evaluation.lists.protocols import Protocol
from models.evaluation.lists.questions import Questions
from models.evaluation.lists.ragged import Ragged

if TYPE_CHECKING:
    from models.evaluation.lists.runs import Fitted, ListRun


class MatrixLists:
    """A model of a matrix that has learnt, as `Lists`."""

    def __init__(self, model: MatrixModel) -> None:
        self.model = model

    def scorer(self, questions: Questions) -> Scorer:
        """The scores of these questions, by their numbers."""

        def score(which: np.ndarray) -> np.ndarray:
            histories = matrix_of(questions.history.take(which), questions.items)
            return self.model.scores(questions.users[which], histories)

        return score


def fitted(run: "ListRun", found: Protocol) -> "Fitted":
    """Learn all at once; a model that draws takes the run's seed."""
    from models.evaluation.lists.runs import Fitted

    entry = find(run.model)
    options = {**entry.options, **run.options}
    if "seed" in entry.defaults():
        options["seed"] = run.seed
    model: MatrixModel = entry.load()(**options)
    model.fit(matrix_of(found.train, found.test.items))
    return Fitted(MatrixLists(model), 1, len(found.train.values))


def matrix_of(lists: Ragged, items: int) -> sparse.csr_matrix:
    """(lists, items): a 1 where an item is in a list."""
    ones = np.ones(len(lists.values))
    found = sparse.csr_matrix((ones, lists.values, lists.starts), shape=(len(lists), items))
    found.sum_duplicates()
    found.data[:] = 1.0
    return found
