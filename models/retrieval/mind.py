"""Multi-interest network with dynamic routing.

A history is routed into up to K interests; each, beside what is known of the user, goes through a
layer with ReLU and one without. A positive is scored by a mixture of the interests that attends to
it; to retrieve, each asks for itself.

Reference: Li et al., CIKM 2019, https://arxiv.org/abs/1904.08030, section 4.
"""

from collections.abc import Iterable

from keras.layers import Concatenate, Dense, Identity, RepeatVector

from models.fields import Field
from models.layers.interests import BehaviourToInterest
from models.layers.l2_normalise import L2Normalise
from models.next_item.histories import History
from models.retrieval.interests import label_aware
from models.retrieval.model import RetrievalModel
from models.retrieval.objective import Objective


def mind(
    fields: Iterable[Field],
    *,
    interests: int = 4,
    iterations: int = 3,
    inner: int = 4,
    power: float = 2.0,
    normalise: bool = False,
    temperature: float = 1.0,
) -> RetrievalModel:
    """Build the network.

    Args:
        fields: see `History`; the other fields of user and context are the user's profile.
        interests: K, at most.
        iterations: of routing.
        inner: width of the first layer after routing, in widths of an item's row.
        power: of the attention to a positive; the greater it is, the more the best interest counts.
        normalise: whether interests and rows are brought to length 1.
        temperature: see `Objective`.
    """
    history = History(fields, profile=True)
    width = history.item.width
    x = BehaviourToInterest(interests, iterations, name="routing")(history.vectors, history.ids)
    if (profile := history.profile()) is not None:
        x = Concatenate(name="with_profile")([x, RepeatVector(interests, name="each")(profile)])
    x = Dense(inner * width, "relu", name="inner")(x)
    x = Dense(width, name="outer")(x)
    unit = L2Normalise if normalise else Identity
    return history.model(
        "mind",
        unit(name="query_unit")(x),
        unit(name="candidate_unit")(history.items),
        objective=Objective(temperature, select=label_aware(power)),
    )
