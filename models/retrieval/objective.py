"""What trains a retrieval model: a corrected softmax over candidates, and what its paper adds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from keras import ops

from millstream.errors import ConfigurationError
from models.losses.sampled_softmax import sampled_softmax

Outputs = Mapping[str, Any]


@dataclass(frozen=True)
class Objective:
    """The loss of a batch of queries, each with its positive among the candidates.

    Args:
        temperature: that inner products are divided by; see `sampled_softmax`.
        hard_negatives: how many negatives of each query count, those that score best; None is all.
        select: `(interests, positives) -> queries`, from (batch, interests, dim) and (batch, dim)
            to (batch, dim): which of several interests answers for a positive. None where the query
            side gives one vector.
        auxiliary: what is added to the softmax loss: `(query outputs, candidate outputs, weights)
            -> scalar`; row i < batch of the candidates is the positive of query i.

    Raises:
        ConfigurationError: `temperature` is not above 0, or `hard_negatives` below 1.
    """

    temperature: float = 0.05
    hard_negatives: int | None = None
    select: Callable[[Any, Any], Any] | None = None
    auxiliary: Callable[[Outputs, Outputs, Any], Any] | None = None

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ConfigurationError(
                f"`temperature` must be above 0. Received: {self.temperature!r}."
            )
        if self.hard_negatives is not None and self.hard_negatives < 1:
            raise ConfigurationError(
                f"`hard_negatives` must be None or at least 1. Received: {self.hard_negatives!r}."
            )

    def queries(self, query: Outputs, candidate: Outputs) -> Any:
        """(batch, dim): the vector of each query that its positive is compared with."""
        found = query["query"]
        if self.select is None:
            return found
        return self.select(found, candidate["candidate"][: ops.shape(found)[0]])

    def __call__(
        self, query: Outputs, candidate: Outputs, ids: Any, log_q: Any, weights: Any = None
    ) -> Any:
        """The loss, a scalar.

        Args:
            query: outputs of the query side, each (batch, ...).
            candidate: outputs of the item side, each (batch + extra, ...).
            ids, log_q, weights: see `sampled_softmax`.
        """
        loss = sampled_softmax(
            self.queries(query, candidate),
            candidate["candidate"],
            ids,
            log_q,
            temperature=self.temperature,
            hard_negatives=self.hard_negatives,
            weights=weights,
        )
        if self.auxiliary is None:
            return loss
        return loss + self.auxiliary(query, candidate, weights)
