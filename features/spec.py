"""The features of this system, once.

The stream's aggregations, the Feast definitions, the columns of training examples, the models'
inputs and the serving reader are all built from `FEATURES`. To add a feature, add a line: a counter
is computed by the stream from its `counts` and `half_life_s`, an attribute is read from the
`attributes` of an upsert by its name without the entity (`user_age` from `age`).
"""

import hashlib

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


def _counter(view: View, counts: str, window: str, half_life_s: float) -> Feature:
    name = f"{view.entity}_{counts}_{window}"
    return Feature(
        name,
        view,
        "float32",
        default=0.0,
        counts=counts,  # type: ignore[arg-type]
        half_life_s=half_life_s,
        encoding="log",
    )


def _counters(view: View) -> tuple[Feature, ...]:
    windows = (("1h", HOUR_S), ("1d", DAY_S), ("30d", 30 * DAY_S))
    kinds = ("events", "positives")
    return tuple(_counter(view, counts, *window) for counts in kinds for window in windows)


FEATURES: tuple[Feature, ...] = (
    # What a user does.
    Feature("user_updated_at", USER_STATS, "float64", default=0.0, encoding="age"),
    *_counters(USER_STATS),
    Feature(
        "user_recent_items",
        USER_STATS,
        "string_list",
        default=(),
        length=RECENT_ITEMS,
        encoding="ids",
        table="item_id",
    ),
    Feature(
        "user_categories",
        USER_STATS,
        "string_list",
        default=(),
        length=TOP_CATEGORIES,
        encoding="ids",
        table="category",
    ),
    Feature(
        "user_category_events",
        USER_STATS,
        "float32_list",
        default=(),
        length=TOP_CATEGORIES,
        half_life_s=CATEGORY_HALF_LIFE_S,
    ),
    Feature(
        "user_category_positives",
        USER_STATS,
        "float32_list",
        default=(),
        length=TOP_CATEGORIES,
        half_life_s=CATEGORY_HALF_LIFE_S,
    ),
    # What happens to an item.
    Feature("item_updated_at", ITEM_STATS, "float64", default=0.0, encoding="age"),
    *_counters(ITEM_STATS),
    Feature(
        "item_popularity",
        ITEM_STATS,
        "float32",
        default=0.0,
        counts="people",
        half_life_s=7 * DAY_S,
        encoding="log",
    ),
    Feature(
        "item_popularity_30m",
        ITEM_STATS,
        "float32",
        default=0.0,
        counts="people",
        half_life_s=HOUR_S / 2,
        encoding="log",
    ),
    # What the catalogue and the accounts say.
    Feature(
        "user_age",
        USER_ATTRIBUTES,
        "float32",
        default=0.0,
        encoding="scaled",
        scale=100.0,
        bounds=(0.0, 150.0),
    ),
    Feature("user_gender", USER_ATTRIBUTES, "string", default="", encoding="id"),
    Feature("user_occupation", USER_ATTRIBUTES, "string", default="", encoding="id"),
    Feature("item_title", ITEM_ATTRIBUTES, "string", default="", max_characters=1_000),
    Feature(
        "item_categories",
        ITEM_ATTRIBUTES,
        "string_list",
        default=(),
        length=6,
        encoding="ids",
        table="category",
    ),
    Feature("item_created_at", ITEM_ATTRIBUTES, "float64", default=0.0, encoding="age"),
    Feature(
        "item_release_year",
        ITEM_ATTRIBUTES,
        "float32",
        default=0.0,
        encoding="scaled",
        scale=2000.0,
        bounds=(-1_000.0, 3_000.0),
    ),
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
    ModelInput("category_affinity", "float", "cross"),
    ModelInput("category_familiarity", "float", "cross"),
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
