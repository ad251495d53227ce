"""The features of this system, once.

The stream's aggregations, the Feast definitions, the columns of training examples, the models'
inputs and the serving reader are all built from `DECLARED`. To add a feature, add a line: the
families are in `features/families/`.
"""

import hashlib

from features.families import Affinity, Attribute, Count, Family, Recent, UpdatedAt
from features.feature import Feature, ModelInput, View

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S

USER_STATS = View("user_stats", "user", ttl_s=365 * DAY_S)
ITEM_STATS = View("item_stats", "item", ttl_s=365 * DAY_S)
USER_ATTRIBUTES = View("user_attributes", "user")
ITEM_ATTRIBUTES = View("item_attributes", "item")

VIEWS = (USER_STATS, ITEM_STATS, USER_ATTRIBUTES, ITEM_ATTRIBUTES)

RECENT_ITEMS = 20
TOP_CATEGORIES = 8
CATEGORY_HALF_LIFE_S = 30 * DAY_S


def _counts(view: View) -> tuple[Count, ...]:
    windows = (("1h", HOUR_S), ("1d", DAY_S), ("30d", 30 * DAY_S))
    return tuple(
        Count(f"{view.entity}_{of}_{window}", view, of=of, half_life_s=half_life_s)
        for of in ("events", "positives")
        for window, half_life_s in windows
    )


DECLARED: tuple[Family, ...] = (
    # What a user does.
    UpdatedAt("user_updated_at", USER_STATS),
    *_counts(USER_STATS),
    Recent("user_recent_items", USER_STATS, length=RECENT_ITEMS),
    Affinity(
        "user_categories",
        USER_STATS,
        to="item_categories",
        top=TOP_CATEGORIES,
        half_life_s=CATEGORY_HALF_LIFE_S,
        table="category",
        events="user_category_events",
        positives="user_category_positives",
        inputs=("category_affinity", "category_familiarity"),
    ),
    # What happens to an item.
    UpdatedAt("item_updated_at", ITEM_STATS),
    *_counts(ITEM_STATS),
    Count("item_popularity", ITEM_STATS, of="people", half_life_s=7 * DAY_S),
    Count("item_popularity_30m", ITEM_STATS, of="people", half_life_s=HOUR_S / 2),
    # What the catalogue and the accounts say.
    Attribute(
        "user_age",
        USER_ATTRIBUTES,
        "float32",
        default=0.0,
        encoding="scaled",
        scale=100.0,
        bounds=(0.0, 150.0),
    ),
    Attribute("user_gender", USER_ATTRIBUTES, encoding="id"),
    Attribute("user_occupation", USER_ATTRIBUTES, encoding="id"),
    Attribute("item_title", ITEM_ATTRIBUTES, max_characters=1_000),
    Attribute(
        "item_categories",
        ITEM_ATTRIBUTES,
        "string_list",
        default=(),
        length=6,
        encoding="ids",
        table="category",
    ),
    Attribute("item_created_at", ITEM_ATTRIBUTES, "float64", default=0.0, encoding="age"),
    Attribute(
        "item_release_year",
        ITEM_ATTRIBUTES,
        "float32",
        default=0.0,
        encoding="scaled",
        scale=2000.0,
        bounds=(-1_000.0, 3_000.0),
    ),
)

# The stored columns of all features.
FEATURES: tuple[Feature, ...] = tuple(
    column for feature in DECLARED for column in feature.columns()
)

BY_NAME = {feature.name: feature for feature in FEATURES}

# Inputs that are computed when a model is asked, from stored features and the time
# (`features/derived.py`).
DERIVED_INPUTS: tuple[ModelInput, ...] = (
    ModelInput("user_id", "id", "user", table="user_id"),
    ModelInput("item_id", "id", "item", table="item_id"),
    ModelInput("hour_of_day", "id", "context", table="hour_of_day"),
    ModelInput("day_of_week", "id", "context", table="day_of_week"),
    ModelInput("user_positive_rate", "float", "user"),
    ModelInput("item_positive_rate", "float", "item"),
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
    return ModelInput(feature.name, "float", feature.entity)
