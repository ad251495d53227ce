"""Next-item models as runs of lists."""

from typing import TYPE_CHECKING

from models.catalogue import find
from models.evaluation.lists.full_corpus import Scorer
from models.evaluation.lists.protocols import Protocol
from models.evaluation.lists.questions import Questions
from models.sequences.fit import SequenceLearner
from models.sequences.reading import SequenceLog
from models.sequences.run import SequenceRun, SequenceTraining

if TYPE_CHECKING:
    from models.evaluation.lists.runs import Fitted, ListRun


class SequenceLists:
    """A next-item model that has learnt, as `Lists`."""

    def __init__(self, learner: SequenceLearner) -> None:
        self.learner = learner

    def scorer(self, questions: Questions) -> Scorer:
        """The scores of these questions, by their numbers."""
        return self.learner.scorer(questions)


def fitted(run: "ListRun", found: Protocol) -> "Fitted":
    """Learn in epochs until the validation lists gain no more; times of entries are not read."""
    from models.evaluation.lists.runs import Fitted, digest

    learning = dict(run.learning)
    own, loss = run.training, str(learning.pop("loss", ""))
    training = SequenceTraining(
        epochs=own.epochs,
        patience=own.patience,
        batch_size=own.batch_size,
        learning_rate=own.learning_rate,
        **learning,
    )
    log = SequenceLog(run.data, digest(run.log), found, None)
    learner = SequenceLearner(
        SequenceRun(find(run.model), log, training, run.options, loss, run.seed)
    )
    progress = learner.fit()
    return Fitted(SequenceLists(learner), progress.epoch, progress.entries // progress.epoch)
