"""The domain, or scenario, that a row is of."""

from collections.abc import Sequence
from typing import Any

from keras.layers import Concatenate

from millstream.errors import ConfigurationError
from models.inputs import FieldInputs


def columns_of(inputs: FieldInputs, names: Sequence[str], option: str) -> Any:
    """Some fields side by side, (batch, sum of widths).

    Raises:
        ConfigurationError: there is no name, or one that is no field.
    """
    known = {field.name: field for field in inputs.fields}
    if not names or set(names) - set(known):
        raise ConfigurationError(
            f"`{option}` must name fields, of {sorted(known)}. Received: {list(names)}."
        )
    found = [known[name] for name in names]
    columns = [inputs.pooled(f) if f.is_id else inputs.numbers(f) for f in found]
    return columns[0] if len(columns) == 1 else Concatenate(name=f"{option}.fields")(columns)


def membership(inputs: FieldInputs, name: str) -> Any:
    """Which of D domains a row is of: a float field of D ones and zeros, (batch, D).

    Raises:
        ConfigurationError: it is no float field of at least two.
    """
    fields = {field.name: field for field in inputs.fields}
    field = fields.get(name)
    if field is None or field.is_id or field.width < 2:
        raise ConfigurationError(
            f"`domain` must name a float field, a one for the row's domain and zeros for the "
            f"others. Received: {name!r}, of {sorted(fields)}."
        )
    return inputs.tensors[name]
