"""Controllable multi-interest recommendation: interests by routing (DR) or by attention (SA).

A positive is scored by the interest nearest to it alone; `models.retrieval.interests.aggregated`
makes a list out of what all interests retrieve.

Reference: Cen et al., KDD 2020, https://arxiv.org/abs/2005.09347, sections 3.2 to 3.4.
"""

from collections.abc import Iterable
from typing import Literal

import keras
from keras.layers import Identity

from millstream.errors import ConfigurationError
from models.fields import Field
from models.layers.interests import DynamicRouting, SelfAttentiveInterests
from models.layers.l2_normalise import L2Normalise
from models.next_item.histories import History
from models.retrieval.interests import nearest_interest
from models.retrieval.model import RetrievalModel
from models.retrieval.objective import Objective

_EXTRACTORS: dict[str, type[keras.layers.Layer]] = {
    "routing": DynamicRouting,
    "attention": SelfAttentiveInterests,
}


def comirec(
    fields: Iterable[Field],
    *,
    extractor: Literal["routing", "attention"] = "attention",
    interests: int = 4,
    normalise: bool = False,
    temperature: float = 1.0,
) -> RetrievalModel:
    """Build the network.

    Args:
        fields: see `History`.
        extractor: of interests.
        interests: how many.
        normalise: whether interests and rows are brought to length 1.
        temperature: see `Objective`.

    Raises:
        ConfigurationError: an unknown `extractor`.
    """
    if extractor not in _EXTRACTORS:
        raise ConfigurationError(
            f"`extractor` must be one of {sorted(_EXTRACTORS)}. Received: {extractor!r}."
        )
    history = History(fields)
    found = _EXTRACTORS[extractor](interests, name=extractor)(history.vectors, history.ids)
    unit = L2Normalise if normalise else Identity
    return history.model(
        "comirec",
        unit(name="query_unit")(found),
        unit(name="candidate_unit")(history.items),
        objective=Objective(temperature, select=nearest_interest),
    )
