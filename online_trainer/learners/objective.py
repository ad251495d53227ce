"""Objective of the ranker: the log loss of each row, and the order of rows within an event.

An event's own item and the negatives that were drawn for it are told apart within the event
(`models/losses/within_event.py`): that teaches the order of a list. The log loss of each row beside
it keeps the scores probabilities. Rows of shown lists have the log loss alone, with its full
weight. What was met without a list and not liked was chosen all the same: it counts no more than a
negative that was drawn. Where no event of a batch has negatives, each row counts in full.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from models.losses.within_event import LOSSES, WithinEvent, contrasted


class Objective(NamedTuple):
    """What a step minimises.

    Args:
        within_event: the loss among the rows of an event; None is the log loss of each row alone.
        pointwise_share: weight of the log loss beside it, of all rows but those of shown lists,
            where there is something to tell apart.
    """

    within_event: WithinEvent | None = "softmax"
    pointwise_share: float = 0.2


POINTWISE = Objective(within_event=None)


def taught(
    objective: Objective,
    losses: Any,
    logits: Any,
    labels: Any,
    log_odds: Any,
    is_shown: Any,
    groups: Any,
) -> Any:
    """(rows,) what is minimised: the log `losses`, and the order of `logits` within events."""
    kind, share = objective
    if kind is None:
        return losses
    told_apart = contrasted(labels, groups)
    share = tf.where(tf.reduce_any(told_apart), share, 1.0)
    alone = tf.where(is_shown & ~told_apart, 1.0, share) * losses
    return alone + LOSSES[kind](logits - log_odds, labels, groups)
