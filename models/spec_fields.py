"""The fields of each role's network, from the one list of inputs in `features/spec.py`."""

from features.feature import ModelInput
from features.spec import BY_NAME, ITEM_ATTRIBUTES, model_inputs
from models.fields import Field


def ranker_fields(width: int) -> tuple[Field, ...]:
    """Every input: the ranker sees user, item, context, and what they have in common.

    Args:
        width: values per embedding row.
    """
    return tuple(_field(given, width) for given in model_inputs())


def retriever_fields(width: int) -> tuple[Field, ...]:
    """Inputs of the towers: no crosses, and of an item only what stays as it is.

    An item's vector lies in an index. It must not depend on counters and ages that move with every
    event and with time: then it changes when the item's attributes or the weights do, and a new
    item has a vector before its first event.
    """
    return tuple(
        _field(given, width)
        for given in model_inputs()
        if given.side != "cross" and (given.side != "item" or _lasts(given))
    )


def _lasts(given: ModelInput) -> bool:
    if given.name == "item_id":
        return True
    feature = BY_NAME.get(given.name)
    return feature is not None and feature.view == ITEM_ATTRIBUTES and feature.encoding != "age"


def _field(given: ModelInput, width: int) -> Field:
    is_id = given.kind == "id"
    return Field(
        name=given.name,
        dtype=given.kind,
        width=width if is_id else 1,
        length=given.length,
        belongs_to=given.side,
        shared_with=given.table if is_id and given.table != given.name else None,
    )
