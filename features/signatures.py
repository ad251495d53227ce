"""Signatures of the models' inputs: what a snapshot says of each input that it was made for."""

import hashlib
from functools import cache

from features.feature import Feature, ModelInput
from features.spec import BY_NAME, ITEM_ATTRIBUTES, model_inputs
from millstream.snapshots.signature import InputSignature

# Features that derived inputs are computed from (`features/derived.py`) and change with.
_READ = {
    **{
        f"{entity}_positive_rate": (f"{entity}_positives_30d", f"{entity}_events_30d")
        for entity in ("user", "item")
    },
    **{
        f"category_{what}": (
            "item_categories",
            "user_categories",
            "user_category_positives",
            "user_category_events",
        )
        for what in ("affinity", "familiarity")
    },
}


@cache
def input_signatures() -> tuple[InputSignature, ...]:
    """Every input of the models as this code computes it, in the order of the spec."""
    return tuple(map(_signature, model_inputs()))


def _signature(given: ModelInput) -> InputSignature:
    feature = BY_NAME.get(given.name)
    read = [feature, *(BY_NAME.get(name) for name in _READ.get(given.name, ()))]
    return InputSignature(
        name=given.name,
        kind=given.kind,
        side=given.side,
        length=given.length,
        table=given.table,
        lasts=_lasts(given, feature),
        version=hashlib.sha256(repr((given, read)).encode()).hexdigest()[:8],
    )


def _lasts(given: ModelInput, feature: Feature | None) -> bool:
    if feature is None:
        return given.name == "item_id"
    return feature.view == ITEM_ATTRIBUTES and feature.encoding != "age"
