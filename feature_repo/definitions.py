"""Every Feast object of this system, built from `features/spec.py`. Nothing to edit here.

For each view: a push source in front of the Parquet folder that the stream appends to, and a
feature view. The feature service `ranking` has all of them.
"""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Array, Float32, Float64, Int64, String

from feature_repo.empty_table import ensure_table
from feature_repo.project import ROOT, check_project, own_settings, store_file
from features.feature import View
from features.spec import VIEWS, features_of

check_project(store_file())
OFFLINE = ROOT / own_settings().offline_dir

FEAST_TYPES = {
    "float32": Float32,
    "float64": Float64,
    "int64": Int64,
    "string": String,
    "string_list": Array(String),
    "float32_list": Array(Float32),
    "float64_list": Array(Float64),
}

ENTITIES = {
    name: Entity(name=name, join_keys=[f"{name}_id"], value_type=ValueType.STRING)
    for name in ("user", "item")
}


def push_source(view: View) -> PushSource:
    """Where rows of `view` can be pushed, and where its history lies."""
    folder = OFFLINE / view.name
    times = {"event_timestamp": "timestamp", "created": "timestamp"}
    columns = {feature.name: feature.dtype for feature in features_of(view)}
    ensure_table(folder, {view.key: "string", **columns, **times})
    history = FileSource(
        name=f"{view.name}_history",
        path=str(folder),
        file_format=ParquetFormat(),
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    return PushSource(name=f"{view.name}_push", batch_source=history)


def feature_view(view: View) -> FeatureView:
    """One view; without a ttl its rows hold for ever."""
    return FeatureView(
        name=view.name,
        entities=[ENTITIES[view.entity]],
        ttl=timedelta(seconds=view.ttl_s or 0),
        schema=[
            Field(name=feature.name, dtype=FEAST_TYPES[feature.dtype])
            for feature in features_of(view)
        ],
        source=push_source(view),
        online=True,
    )


USER, ITEM = ENTITIES.values()
USER_STATS, ITEM_STATS, USER_ATTRIBUTES, ITEM_ATTRIBUTES = FEATURE_VIEWS = [
    feature_view(view) for view in VIEWS
]
RANKING = FeatureService(name="ranking", features=FEATURE_VIEWS)
