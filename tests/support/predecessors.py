"""A catalogue whose items know their predecessors, whatever features the installation has."""

from collections.abc import Mapping

import numpy as np
import pytest

from features import counter, predecessors
from features.families import Affinity
from features.spec import ITEM_STATS
from millstream.ids import id64_array
from serving.catalogue.catalogue import Catalogue
from serving.catalogue.column import FeatureColumn
from serving.retrieval import sources
from tests.support.serving_cases import NOW_S

BEFORE = Affinity(
    "item_before", ITEM_STATS, to="user_recent_items", top=4, half_life_s=3_600.0, fading=0.5
)


def with_predecessors(monkeypatch: pytest.MonkeyPatch, catalogue: Catalogue) -> None:
    """Let the catalogue, the sources and the counter have the feature."""
    for module in (predecessors, sources, counter):
        monkeypatch.setattr(module, "PREDECESSORS", BEFORE)
    for column in BEFORE.columns():
        catalogue.columns[column.name] = FeatureColumn(column)


def put(
    catalogue: Catalogue, item: str, before: Mapping[str, float], time_s: float = NOW_S
) -> None:
    """What people had met before an item, and how often."""
    row = catalogue.rows([item])
    keys, counts = np.zeros((1, 4), np.int64), np.zeros((1, 4), np.float32)
    keys[0, : len(before)] = id64_array([*before])
    counts[0, : len(before)] = [*before.values()]
    strengths = {BEFORE.events_column: counts, BEFORE.positives_column: counts}
    times = {"item_updated_at": np.array([time_s])}
    catalogue._put(row, {BEFORE.name: keys, **strengths, **times}, {BEFORE.name: [[*before]]})
