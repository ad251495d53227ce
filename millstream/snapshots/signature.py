"""Signature of a model's input: two snapshots with equal ones read the same thing."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec


class InputSignature(msgspec.Struct, frozen=True, kw_only=True):
    """One input, as a manifest names it.

    Args:
        name: of the input.
        kind: `id` is a 64-bit key, `float` a number.
        side: what it is known of.
        length: of a list; None is a single value.
        table: embedding table of an id; None for a float.
        lasts: whether it belongs to an item and stays as it is between events.
        version: of the rule by which it is computed; another version is another input.
    """

    name: str
    kind: Literal["id", "float"]
    side: Literal["user", "item", "cross", "context"]
    length: int | None = None
    table: str | None = None
    lasts: bool = False
    version: str = ""


Signatures = Sequence[InputSignature]


def common(inputs: Iterable[InputSignature], others: Signatures) -> tuple[InputSignature, ...]:
    """Those of `inputs`, in their order, that are the same among `others`."""
    return tuple(each for each in inputs if each in others)


def arranged(inputs: Signatures, known: Signatures) -> tuple[InputSignature, ...]:
    """`inputs` in the order in which a network takes them that grew out of one with `known`.

    What it had stays in its order, and what is new follows: so the new weights of most layers
    follow the old ones, too.
    """
    stay = common(known, inputs)
    return (*stay, *(each for each in inputs if each not in stay))


def missing(inputs: Signatures, known: Signatures) -> list[str]:
    """Inputs that `known` lacks, by name, each with how it differs where it does. Sorted.

    >>> age = InputSignature(name="age", kind="float", side="user", version="1")
    >>> other = InputSignature(name="age", kind="float", side="user", version="2")
    >>> missing([age, InputSignature(name="sex", kind="id", side="user")], [other])
    ['age (computed by another rule: 1, here 2)', 'sex']
    """
    here = {each.name: each for each in known}
    return sorted(
        _named(each, here.get(each.name)) for each in inputs if each != here.get(each.name)
    )


def _named(given: InputSignature, here: InputSignature | None) -> str:
    if here is None:
        return given.name
    if given.version == here.version:
        return f"{given.name} (of another kind)"
    return f"{given.name} (computed by another rule: {given.version}, here {here.version})"
