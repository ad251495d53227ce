"""The last feature rows of entities: what the online store needs."""

from collections.abc import Mapping

import numpy as np

from features.attributes import newest
from features.entity_rule import ITEM_RULE, USER_RULE
from features.feature import Entity
from features.spec import ITEM_ATTRIBUTES, USER_ATTRIBUTES
from stream.ingest.records import EventRecord, TopicPartition
from stream.outputs.effects import FeatureRows
from stream.outputs.feature_rows import FeatureRowsBuilder, SourceOffsets
from stream.state.entities import Item, User

# Online rows do not say what caused them.
_NOWHERE = EventRecord(TopicPartition("", 0), 0, None, 0, b"")


def last_rows(
    entity: Entity, entities: Mapping[str, User] | Mapping[str, Item], created_at: float
) -> list[FeatureRows]:
    """One row of each view for each entity that has any events, or attributes.

    Args:
        created_at: Unix seconds.
    """
    builder = FeatureRowsBuilder(created_at)
    rule, add, view = (
        (USER_RULE, builder.add_users, USER_ATTRIBUTES)
        if entity == "user"
        else (ITEM_RULE, builder.add_items, ITEM_ATTRIBUTES)
    )
    moved = [name for name, each in entities.items() if has_events(each)]
    if moved:
        states = rule.states_of([entities[name].history.newest for name in moved])
        nowhere = SourceOffsets(np.zeros(len(moved), np.int32), np.zeros(len(moved), np.int64))
        add(moved, np.arange(len(moved)), states, nowhere)
    for name, each in entities.items():
        if each.versions:
            builder.attributes(view).add(name, newest(each.versions), _NOWHERE)
    return builder.rows()


def has_events(entity: User | Item) -> bool:
    """Return whether anything happened to an entity."""
    return bool(entity.history.updates) or entity.history.base.time > 0.0
