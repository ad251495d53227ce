"""Signatures of the models' inputs: what a snapshot says of each input that it was made for."""

import hashlib
from functools import cache

from features.families import DerivedInput, Family
from features.feature import Feature, ModelInput
from features.spec import BY_NAME, DECLARED, ITEM_ATTRIBUTES, model_inputs
from millstream.snapshots.signature import InputSignature


@cache
def input_signatures() -> tuple[InputSignature, ...]:
    """Every input of the models as this code computes it, in the order of the spec."""
    return tuple(map(_signature, model_inputs()))


def _signature(given: ModelInput) -> InputSignature:
    feature, maker = BY_NAME.get(given.name), _maker(given)
    read = [feature, maker, *(BY_NAME.get(name) for name in (maker.reads() if maker else ()))]
    return InputSignature(
        name=given.name,
        kind=given.kind,
        side=given.side,
        length=given.length,
        table=given.table,
        lasts=_lasts(given, feature),
        version=hashlib.sha256(repr((given, read)).encode()).hexdigest()[:8],
    )


def _maker(given: ModelInput) -> Family | None:
    """The declared feature that computes a derived or cross input."""
    for declared in DECLARED:
        if isinstance(declared, DerivedInput) and declared.model_input == given:
            return declared
        if given in declared.cross_inputs():
            return declared
    return None


def _lasts(given: ModelInput, feature: Feature | None) -> bool:
    if feature is None:
        return given.name == "item_id"
    return feature.view == ITEM_ATTRIBUTES and feature.encoding != "age"
