"""Which fields are behaviours: lists of what a user did, that a target is compared with."""

from collections.abc import Callable
from typing import Any

from millstream.errors import ConfigurationError
from models.fields import Field, target_of
from models.inputs import FieldInputs


def behaviours(inputs: FieldInputs) -> list[Field]:
    """The lists that have a target among the fields.

    Raises:
        ConfigurationError: there is none.
    """
    found = [f for f in inputs.fields if f.is_list and target_of(f, inputs.fields) is not None]
    if not found:
        raise ConfigurationError(
            "`fields` must have a list of ids whose `target`, or whose table, is a single id of "
            f"the list's width. Received: {[f.name for f in inputs.fields]}."
        )
    return found


def columns_with(inputs: FieldInputs, interest: Callable[[Field], Any]) -> list[Any]:
    """Every field as (batch, its width): behaviours by `interest`, others as `inputs.columns`.

    Raises:
        ConfigurationError: no field is a behaviour.
    """
    found = behaviours(inputs)
    columns: list[Any] = []
    for field in inputs.fields:
        if field in found:
            columns.append(interest(field))
        else:
            columns.append(inputs.pooled(field) if field.is_id else inputs.numbers(field))
    return columns
