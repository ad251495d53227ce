"""The features of this system, once, as the project's domain file declares them.

The stream's aggregations, the Feast definitions, the columns of training examples, the models'
inputs and the serving reader are all built from `DECLARED`. To add a feature, add it to the file
(docs/domain.md); the families are in `features/families/`.
"""

import hashlib

from features import from_domain
from features.context import CONTEXT
from features.families import DerivedInput, Family
from features.feature import Feature, ModelInput, View
from millstream.domain import domain

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S

USER_STATS = View("user_stats", "user", ttl_s=365 * DAY_S)
ITEM_STATS = View("item_stats", "item", ttl_s=365 * DAY_S)
USER_ATTRIBUTES = View("user_attributes", "user")
ITEM_ATTRIBUTES = View("item_attributes", "item")

VIEWS = (USER_STATS, ITEM_STATS, USER_ATTRIBUTES, ITEM_ATTRIBUTES)

_DOMAIN = domain()

DECLARED: tuple[Family, ...] = (
    # What a user does, and what happens to an item.
    *from_domain.kept(_DOMAIN, USER_STATS),
    *from_domain.kept(_DOMAIN, ITEM_STATS),
    # What the catalogue and the accounts say.
    *from_domain.attributes(_DOMAIN, USER_ATTRIBUTES),
    *from_domain.attributes(_DOMAIN, ITEM_ATTRIBUTES),
)

# The columns that lists go by, whatever the domain calls them.
RECENT = f"user_{_DOMAIN.user.recent}"
TITLE, GROUPS, CREATED = (
    f"item_{name}" for name in (_DOMAIN.item.title, _DOMAIN.item.groups, _DOMAIN.item.created)
)
POPULARITY, TRENDING = f"item_{_DOMAIN.item.popularity}", f"item_{_DOMAIN.item.trending}"

# What the domain says of the columns that are attributes.
ATTRIBUTES = {
    f"{entity}_{name}": attribute
    for entity, side in (("user", _DOMAIN.user), ("item", _DOMAIN.item))
    for name, attribute in side.attributes.items()
}

# The stored columns of all features.
FEATURES: tuple[Feature, ...] = tuple(
    column for feature in DECLARED for column in feature.columns()
)

BY_NAME = {feature.name: feature for feature in FEATURES}

# The times of the entries of `RECENT`, where the domain keeps them.
RECENT_TIMES = next((c.name for f in DECLARED if f.name == RECENT for c in f.columns()[1:]), None)

# Inputs that are computed when a model is asked, from stored features and the time
# (`features/derived.py`).
DERIVED_INPUTS: tuple[ModelInput, ...] = (
    ModelInput("user_id", "id", "user", table="user_id"),
    ModelInput("item_id", "id", "item", table="item_id"),
    ModelInput("hour_of_day", "id", "context", table="hour_of_day"),
    ModelInput("day_of_week", "id", "context", table="day_of_week"),
    *(column.model_input for column in CONTEXT),
    *(feature.model_input for feature in DECLARED if isinstance(feature, DerivedInput)),
    *(cross for feature in DECLARED for cross in feature.cross_inputs()),
)


def features_of(view: View) -> tuple[Feature, ...]:
    """The features of one view, in the order of `FEATURES`."""
    return tuple(feature for feature in FEATURES if feature.view == view)


def model_inputs() -> tuple[ModelInput, ...]:
    """Every input of the models: the derived ones, then each feature that has an encoding."""
    return DERIVED_INPUTS + tuple(_input(feature) for feature in FEATURES if feature.encoding)


def spec_hash() -> str:
    """Twelve hex digits that change whenever a feature, a view or a derived input does."""
    return hashlib.sha256(repr((FEATURES, DERIVED_INPUTS)).encode()).hexdigest()[:12]


def _input(feature: Feature) -> ModelInput:
    if feature.encoding in ("id", "ids"):
        table = feature.table or feature.name
        return ModelInput(feature.name, "id", feature.entity, feature.length, table)
    return ModelInput(feature.name, "float", feature.entity, feature.length)
