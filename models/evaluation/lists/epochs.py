"""Learning in epochs until the validation lists gain no more."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from models.evaluation.lists.full_corpus import full_corpus
from models.evaluation.lists.protocols import Protocol

if TYPE_CHECKING:
    from models.evaluation.lists.runs import Lists, Training

STOPS_BY = 100


def learn(
    model: "Lists",
    found: Protocol,
    training: "Training",
    epoch: Callable[[], Any],
    state: Callable[[], Any],
    restore: Callable[[Any], Any],
) -> int:
    """Learn until NDCG@100 of the validation lists rises no more; keep what was best.

    Where a protocol validates nothing, all epochs are made.

    Args:
        model: that gives the lists.
        epoch: makes one.
        state, restore: copy what is learnt, and put it back.

    Returns:
        Epochs made.
    """
    best, best_epoch, kept, made = -np.inf, 0, state(), 0
    for made in range(1, training.epochs + 1):
        epoch()
        if found.valid is None:
            continue
        lists = full_corpus(model.scorer(found.valid), found.valid, ks=(STOPS_BY,))
        reached = lists.values[f"ndcg@{STOPS_BY}"]
        if reached > best:
            best, best_epoch, kept = reached, made, state()
        elif made - best_epoch >= training.patience:
            break
    if found.valid is not None:
        restore(kept)
    return made
