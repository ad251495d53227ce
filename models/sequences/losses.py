"""The losses of next-item models by name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from keras import ops

from millstream.errors import ConfigurationError
from models.losses import next_item

EACH = 8  # negatives, up to which every entry has draws of its own


@dataclass(frozen=True)
class SequenceLoss:
    """A loss of each entry.

    Args:
        of: `(positive, others)`, (...) and (..., n) logits, to (...) losses.
        negatives: items drawn for each positive; 0: the others are all items, the positive too.
    """

    of: Callable[[Any, Any], Any]
    negatives: int

    @property
    def is_shared(self) -> bool:
        """Whether all entries of a user have the same negatives.

        Many are compared by one product of a user's states then, in place of rows that each entry
        would fetch; the draws are uniform all the same.
        """
        return self.negatives > EACH


def sequence_loss(name: str, negatives: int | None, items: int, t: float = 0.75) -> SequenceLoss:
    """The loss of that name.

    Args:
        name: `bce` or `gbce`, `sampled_softmax`, `bpr_max` or `top1_max`, all of which draw
            negatives uniformly, or `softmax` over all items.
        negatives: drawn for each positive; None is what the paper has.
        items: of the corpus.
        t: of gBCE; see `models.losses.next_item.calibration`.

    Raises:
        ConfigurationError: there is no such loss.
    """
    drawn = {"bce": 1, "gbce": 256, "sampled_softmax": 256, "bpr_max": 256, "top1_max": 256}
    if name == "softmax":
        return SequenceLoss(_full_softmax, 0)
    if name not in drawn:
        raise ConfigurationError(
            f"`loss` must be one of {', '.join([*drawn, 'softmax'])}. Received: {name!r}."
        )
    count = min(negatives or drawn[name], items - 1)
    of: dict[str, Callable[[Any, Any], Any]] = {
        "bce": next_item.gbce,
        "gbce": partial(next_item.gbce, beta=next_item.calibration(count, items, t)),
        "sampled_softmax": next_item.softmax,
        "bpr_max": next_item.bpr_max,
        "top1_max": next_item.top1_max,
    }
    return SequenceLoss(of[name], count)


def _full_softmax(positive: Any, everything: Any) -> Any:
    return ops.logsumexp(everything, axis=-1) - positive
