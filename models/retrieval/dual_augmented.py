"""Dual augmented two-tower model: each side reads what it has learnt of the other.

A user has a vector a_u, an item a_v, that their towers read beside the fields. a_u follows the
vectors p_v of the items that the user takes, a_v those of the users who take the item:

    softmax + mimic_share (|a_u - sg(p_v)|^2 + |a_v - sg(p_u)|^2) + alignment_share alignment

Reference: Yu et al., DLP-KDD 2021, https://dlp-kdd.github.io/assets/pdf/DLP-KDD_2021_paper_4.pdf.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Concatenate, Dense, Identity

from millstream.domain import domain
from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import FieldInputs
from models.layers.field_embedding import FieldEmbedding
from models.layers.l2_normalise import L2Normalise
from models.layers.mlp import mlp
from models.losses.dual_augmented import category_alignment, mimic
from models.retrieval.model import RetrievalModel
from models.retrieval.objective import Objective
from models.retrieval.sides import by_side


def dual_augmented(
    fields: Iterable[Field],
    *,
    dim: int = 32,
    hidden: Sequence[int] = (128,),
    dropout: float = 0.0,
    temperature: float = 0.05,
    hard_negatives: int | None = None,
    mimic_share: float = 0.5,
    alignment_share: float = 1.0,
    user: str = "user_id",
    item: str = "item_id",
    category: str | None = None,
) -> RetrievalModel:
    """Build both towers.

    Args:
        fields: see `two_tower`.
        dim, hidden, dropout, temperature, hard_negatives: see `two_tower`.
        mimic_share, alignment_share: of what is added to the loss.
        user, item: the ids that have a vector a.
        category: the item's id, or list of ids of which the first counts, that tells categories:
            the groups of the domain where it is None; where no field is called so, nothing is
            aligned.

    Raises:
        ConfigurationError: `user` or `item` is no single id of its side.
    """
    fields = tuple(fields)
    category = category or f"item_{domain().item.groups}"
    tables: dict[str, FieldEmbedding] = {}
    tensors: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    for (name, part), own in zip(by_side(fields).items(), (user, item), strict=True):
        inputs = FieldInputs(part, tables)
        tensors |= inputs.tensors
        augmented = inputs.vectors(_id_of(part, own), role="augmented", width=dim)
        x = mlp(Concatenate()([inputs.joined(), augmented]), hidden, name=name, dropout=dropout)
        outputs[name] = L2Normalise(name=f"{name}_unit")(Dense(dim, name=f"{name}_out")(x))
        outputs[f"{name}_augmented"] = Identity(name=f"{name}_mimic")(augmented)
    if any(f.name == category and f.is_id and f.belongs_to == "item" for f in fields):
        given = tensors[category]
        is_list = len(given.shape) == 2
        first = ops.take(given, 0, axis=1) if is_list else ops.reshape(given, (-1,))
        outputs["candidate_category"] = first
    network = keras.Model(tensors, outputs, name="dual_augmented")

    def auxiliary(query: Mapping[str, Any], items: Mapping[str, Any], weights: Any) -> Any:
        batch = ops.shape(query["query"])[0]
        added = mimic_share * (
            mimic(query["query_augmented"], items["candidate"][:batch], weights)
            + mimic(items["candidate_augmented"][:batch], query["query"], weights)
        )
        if "candidate_category" not in items:
            return added
        found = category_alignment(items["candidate"], items["candidate_category"])
        return added + alignment_share * found

    objective = Objective(temperature, hard_negatives, auxiliary=auxiliary)
    return RetrievalModel.of(network, fields, objective)


def _id_of(fields: Sequence[Field], name: str) -> Field:
    found = next((f for f in fields if f.name == name and f.is_id and not f.is_list), None)
    if found is None:
        raise ConfigurationError(
            f"`user` and `item` must name a single id of their side: {[f.name for f in fields]}. "
            f"Received: {name!r}."
        )
    return found
