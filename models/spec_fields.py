"""The fields of each role's network, from the inputs that it is made for."""

from features.signatures import input_signatures
from millstream.snapshots.signature import InputSignature, Signatures
from models.fields import Field


def ranker_fields(width: int, inputs: Signatures | None = None) -> tuple[Field, ...]:
    """Every input: the ranker sees user, item, context, and what they have in common.

    Args:
        width: values per embedding row.
        inputs: in the order of the fields; None is those of `features/spec.py`.
    """
    return tuple(_field(given, width) for given in _given(inputs))


def retriever_fields(width: int, inputs: Signatures | None = None) -> tuple[Field, ...]:
    """Inputs of the towers: no crosses, and of an item only what stays as it is.

    An item's vector lies in an index. It must not depend on counters and ages that move with every
    event and with time: then it changes when the item's attributes or the weights do, and a new
    item has a vector before its first event.
    """
    return tuple(
        _field(given, width)
        for given in _given(inputs)
        if given.side != "cross" and (given.side != "item" or given.lasts)
    )


def _given(inputs: Signatures | None) -> Signatures:
    return input_signatures() if inputs is None else inputs


def _field(given: InputSignature, width: int) -> Field:
    is_id, is_vector = given.kind == "id", given.kind == "float" and given.length is not None
    return Field(
        name=given.name,
        dtype=given.kind,
        width=width if is_id else given.length or 1,
        length=None if is_vector else given.length,
        belongs_to=given.side,
        shared_with=given.table if is_id and given.table != given.name else None,
    )
