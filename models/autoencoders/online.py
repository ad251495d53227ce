"""An autoencoder as a retrieval model, which learns from a stream.

Each event is a user's list with one more item. The step reads the list as it was, and reconstructs
it with the new item; the output layer has the items of the batch's lists and no others.

References: Moussawi, 2018, https://arxiv.org/abs/1809.00999, section 4; Liang et al., WWW 2018,
https://arxiv.org/abs/1802.05814, section 2.2.2 (annealing).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from keras import ops

from millstream.errors import ConfigurationError
from models.autoencoders.network import Autoencoder
from models.fields import Field
from models.layers.gaussian_code import GaussianCode
from models.losses.reconstruction import LOSSES
from models.retrieval.model import RetrievalModel
from models.retrieval.sides import history_of

Outputs = Mapping[str, Any]
_OUT = -1e9  # below every logit, and finite when squared


@dataclass(frozen=True)
class Reconstruction:
    """The loss of a batch of lists, over the items of all of them.

    Args:
        loss: `multinomial`, `logistic` or `squared`.
        confidence: alpha: an item of the list weighs 1 + alpha, the others 1.
        divergence: what the divergence of a variational code weighs at most.
        annealing_steps: over which it grows to that.
        history: the field that holds a user's list; None where only the new item is known.

    Raises:
        ConfigurationError: an unknown loss, or a number that cannot be.
    """

    loss: str = "multinomial"
    confidence: float = 0.0
    divergence: float = 0.2
    annealing_steps: int = 2000
    history: str | None = None

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ConfigurationError(
                f"`loss` must be one of {sorted(LOSSES)}. Received: {self.loss!r}."
            )
        for name, least in (("confidence", 0), ("divergence", 0), ("annealing_steps", 1)):
            if getattr(self, name) < least:
                raise ConfigurationError(
                    f"`{name}` must be at least {least}. Received: {getattr(self, name)!r}."
                )

    def queries(self, query: Outputs, candidate: Outputs) -> Any:
        """(batch, dim): the vector of each list."""
        return query["query"]

    def __call__(
        self, query: Outputs, candidate: Outputs, ids: Any, targets: Any, weights: Any = None
    ) -> Any:
        """The weighted mean, a scalar.

        Args:
            query: outputs of the query side, each (batch, ...).
            candidate: outputs of the item side, each (items, ...).
            ids: not read.
            targets: (batch, items): 1 for what is in the list, 0 for what is not, -1 for a
                candidate that is there twice.
            weights: (batch,) of the lists.
        """
        logits = ops.matmul(query["query"], ops.transpose(candidate["candidate"]))
        there = ops.cast(targets >= 0, logits.dtype)
        wanted = ops.maximum(ops.cast(targets, logits.dtype), 0.0)
        known = ops.where(there > 0, logits, _OUT)
        losses = LOSSES[self.loss](known, wanted, there * (1.0 + self.confidence * wanted))
        if weights is None:
            return ops.mean(losses)
        weights = ops.cast(weights, losses.dtype)
        return ops.sum(losses * weights) / ops.maximum(ops.sum(weights), 1e-12)

    def divergence_at(self, step: int) -> float:
        """Weight of the divergence at a step, from 1."""
        return self.divergence * min(1.0, step / self.annealing_steps)


def online(network: Autoencoder, fields: Iterable[Field], **learning: Any) -> RetrievalModel:
    """The network as a retrieval model.

    Args:
        fields: it was built from.
        learning: arguments of `Reconstruction`.
    """
    fields = tuple(fields)
    try:
        history: str | None = history_of(fields)[0].name
    except ConfigurationError:
        if network.reads_items:
            raise
        history = None
    objective = Reconstruction(**learning, history=history)
    codes = [layer for layer in network.body.layers if isinstance(layer, GaussianCode)]

    def anneal(step: int) -> None:
        for code in codes:
            code.beta.assign(objective.divergence_at(step))

    return RetrievalModel.of(network.model, fields, objective, before_step=anneal)
