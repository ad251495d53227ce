"""The columns of a view's rows: on the `features` topic, in the stores and in part files."""

from functools import cache

import pyarrow as pa

from features.feature import View
from features.rows import arrow_type
from features.spec import features_of

EVENT_TIMESTAMP = "event_timestamp"
CREATED = "created"
SOURCE_PARTITION = "source_partition"
SOURCE_OFFSET = "source_offset"
TIMESTAMP = pa.timestamp("us", tz="UTC")


@cache
def view_schema(view: View) -> pa.Schema:
    """The entity's id, the features, the time they hold for, when they were computed, and why.

    `source_partition` and `source_offset` are the position of the event that caused the row. Every
    column may be null: a part file that is older than a feature has nulls for it.
    """
    return pa.schema(
        [
            pa.field(view.key, pa.string()),
            *(pa.field(feature.name, arrow_type(feature)) for feature in features_of(view)),
            pa.field(EVENT_TIMESTAMP, TIMESTAMP),
            pa.field(CREATED, TIMESTAMP),
            pa.field(SOURCE_PARTITION, pa.int32()),
            pa.field(SOURCE_OFFSET, pa.int64()),
        ]
    )


@cache
def online_schema(view: View) -> pa.Schema:
    """The part of `view_schema` that the online store keeps: id, features, `event_timestamp`."""
    names = [view.key, *(feature.name for feature in features_of(view)), EVENT_TIMESTAMP]
    whole = view_schema(view)
    return pa.schema([whole.field(name) for name in names])
