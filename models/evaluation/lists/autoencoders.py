"""Autoencoders as runs of lists."""

from typing import TYPE_CHECKING

import keras

from millstream.errors import ConfigurationError
from models.autoencoders.learner import AutoencoderLearner
from models.catalogue import build
from models.evaluation.lists import epochs
from models.evaluation.lists.full_corpus import Scorer
from models.evaluation.lists.protocols import Protocol
from models.evaluation.lists.questions import Questions
from models.fields import Field

if TYPE_CHECKING:
    from models.evaluation.lists.runs import Fitted, ListRun

_FIELDS = (
    Field("user_id", belongs_to="user"),
    Field("recent", length=1, belongs_to="user", shared_with="item_id"),
    Field("item_id", belongs_to="item"),
)


class LearntLists:
    """An autoencoder that has learnt, as `Lists`."""

    def __init__(self, learner: AutoencoderLearner) -> None:
        self.learner = learner

    def scorer(self, questions: Questions) -> Scorer:
        """The logits of these questions, by their numbers."""
        return lambda which: self.learner.scores(
            questions.history.take(which), questions.users[which]
        )


def fitted(run: "ListRun", found: Protocol) -> "Fitted":
    """Learn in epochs, see `epochs.learn`.

    Raises:
        ConfigurationError: a factorisation of users is to serve users it has never learnt from.
    """
    from models.evaluation.lists.runs import Fitted

    keras.backend.clear_session()
    keras.utils.set_random_seed(run.seed)
    network = build(run.model, _FIELDS, **run.options)
    if not network.reads_items and (found.test.users < 0).any():
        raise ConfigurationError(
            f"`protocol` must ask users that {run.model!r} has learnt from. "
            f"Received: {run.protocol!r}."
        )
    training = run.training
    learner = AutoencoderLearner(
        network,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        seed=run.seed,
        **run.learning,
    )
    model = LearntLists(learner)
    made = epochs.learn(
        model,
        found,
        training,
        lambda: learner.partial_fit(found.train, items=found.test.items),
        learner.state,
        learner.restore,
    )
    return Fitted(model, made, len(found.train.values))
