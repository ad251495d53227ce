"""A factorisation machine as a retriever.

Its score of a user u and an item i, over the fields f of both, is a constant of the user, plus

    <V_u, V_i> + w_i + 1/2 (|V_i|^2 - sum_{f of i} |v_f|^2)

with V = sum of v_f, w = sum of w_f over the fields of one side. That is an inner product: the query
is [V_u, 1], the item [V_i, what does not ask for u].

Reference: Rendle, ICDM 2010, https://doi.org/10.1109/ICDM.2010.127, eq. 1 and lemma 3.1.
"""

from collections.abc import Iterable
from typing import Any

import keras
from keras.layers import Add, Concatenate

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.field_embedding import FieldEmbedding
from models.layers.fm import FactorisationMachine
from models.layers.newest_state import WithOne
from models.retrieval.model import RetrievalModel
from models.retrieval.objective import Objective
from models.retrieval.sides import by_side


def fm_vectors(fields: Iterable[Field], *, temperature: float = 1.0) -> RetrievalModel:
    """Build both sides; weights have the names that they have in the ranker `fm`.

    Args:
        fields: of user, context and item; ids of one width.
        temperature: see `Objective`.
    """
    fields = tuple(fields)
    tables: dict[str, FieldEmbedding] = {}
    sides = {name: FieldInputs(part, tables) for name, part in by_side(fields).items()}
    query, candidate = sides["query"], sides["candidate"]
    item = candidate.even_vectors()
    own = candidate.linear()
    if len(item) > 1:
        own = Add(name="candidate_own")([own, FactorisationMachine(name="candidate_fm")(item)])
    outputs = {
        "query": WithOne(name="query_with_one")(_sum(query.even_vectors())),
        "candidate": Concatenate(name="candidate_with_own")([_sum(item), own]),
    }
    network = keras.Model({**query.tensors, **candidate.tensors}, outputs, name="fm_vectors")
    return RetrievalModel.of(network, fields, Objective(temperature))


def _sum(vectors: list[Any]) -> Any:
    return Add()(vectors) if len(vectors) > 1 else vectors[0]
