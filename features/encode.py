"""As-of features to the models' inputs, the same at training and at serving.

Training has a user and an item on every row; serving has one user for many items and encodes the
three sides apart. Shapes: single inputs (rows,), lists (rows, length); ids int64, floats float32.
"""

import numpy as np

from features import derived
from features.columns import Arrays
from features.context import CONTEXT
from features.families import Affinity, DerivedInput
from features.feature import Entity, Feature
from features.spec import BY_NAME, DECLARED, FEATURES

YEAR_S = 365.0 * 86_400.0

_ENCODED: dict[Entity, tuple[Feature, ...]] = {
    entity: tuple(f for f in FEATURES if f.entity == entity and f.encoding)
    for entity in ("user", "item")
}
_DERIVED = {
    entity: [f for f in DECLARED if isinstance(f, DerivedInput) and f.view.entity == entity]
    for entity in ("user", "item")
}
# Those that are matched with the list of the other side.
_AFFINITIES = tuple(f for f in DECLARED if isinstance(f, Affinity) and f.inputs)


def encode(ids: Arrays, features: Arrays, time_s: np.ndarray) -> Arrays:
    """Every model input of aligned rows.

    Args:
        ids: `user_id` and `item_id`, each (rows,) int64 keys.
        features: as-of features by name (`features.columns` made them arrays), and the context
            (`features.context`).
        time_s: (rows,) Unix seconds for which the features hold.
    """
    return {
        **encode_entity("user", ids["user_id"], features, time_s),
        **encode_entity("item", ids["item_id"], features, time_s),
        **encode_cross(features, features),
        **encode_context(time_s, features),
    }


def encode_entity(
    entity: Entity, ids: np.ndarray, features: Arrays, time_s: np.ndarray | float
) -> Arrays:
    """The inputs that need one entity alone: `user_*` or `item_*`."""
    inputs = {f.name: _encoded(f, features[f.name], time_s) for f in _ENCODED[entity]}
    inputs[f"{entity}_id"] = ids
    for derived_input in _DERIVED[entity]:
        inputs[derived_input.name] = derived_input.encoded(features, BY_NAME)
    return inputs


def encode_cross(user: Arrays, item: Arrays) -> Arrays:
    """The inputs that need both; `user` may be one row for all rows of `item`."""
    inputs = {}
    for affinity in _AFFINITIES:
        own, other = (user, item) if affinity.view.entity == "user" else (item, user)
        events, positives = derived.match(
            other[affinity.to],
            own[affinity.name],
            own[affinity.events_column],
            own[affinity.positives_column],
            fading=affinity.fading,
        )
        rate, familiarity = affinity.inputs
        inputs[rate] = derived.smoothed_rate(positives, events)
        inputs[familiarity] = np.log1p(events)
    return inputs


def encode_context(time_s: np.ndarray, context: Arrays) -> Arrays:
    """The inputs that need only the time and the context.

    Args:
        context: of `features.context`, among others, by name; (rows,) each.
    """
    return {
        "hour_of_day": derived.hour_of_day(time_s),
        "day_of_week": derived.day_of_week(time_s),
        **{column.name: context[column.name] for column in CONTEXT},
    }


def _encoded(feature: Feature, value: np.ndarray, time_s: np.ndarray | float) -> np.ndarray:
    match feature.encoding:
        case "log":
            return np.log1p(derived.counted(value)).astype(np.float32)
        case "age":
            return _log_age(value, time_s)
        case "scaled":
            low, high = feature.bounds or (-10.0 * feature.scale, 10.0 * feature.scale)
            return (derived.within(value, low, high) / feature.scale).astype(np.float32)
        case _:
            return value


def _log_age(moment_s: np.ndarray, time_s: np.ndarray | float) -> np.ndarray:
    """log(1 + hours) since `moment_s`, over 10; what never happened (0) is a year ago.

    Args:
        moment_s: (rows,) Unix seconds, or (rows, length).
        time_s: of each row.
    """
    now_s = np.reshape(time_s, (-1, 1)) if np.ndim(moment_s) > 1 else time_s
    age_s = np.maximum(now_s - moment_s, 0.0)
    return (np.log1p(np.where(moment_s > 0, age_s, YEAR_S) / 3600.0) / 10.0).astype(np.float32)
