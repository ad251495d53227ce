"""Every network of the catalogue as the online trainer runs it."""

import keras
import numpy as np
from numpy.testing import assert_allclose

from models.compact import compact
from models.split import split
from models.tables import Lookup
from online_trainer.learners.vectors import Layout, field_specs
from tests.contracts.models.test_split import scores_of, tables_of


def test_rows_that_are_handed_over_as_one_array_give_what_the_network_gives(still, rows):
    model, (x, _) = still, rows(32)
    parts = split(model)
    groups = {table.name: str(table.width) for table in parts.tables.values()}
    small = compact(parts, groups)

    def vectors(use: Lookup) -> np.ndarray:
        """(batch, length, width)"""
        found = keras.ops.convert_to_numpy(tables_of(model)[use.table](x[use.field]))
        return found.reshape(len(found), -1, found.shape[-1])

    flat = {}
    for group in set(groups.values()):
        uses = [use for use in small.lookups if groups[use.table] == group]
        by_row = np.concatenate([vectors(use) for use in uses], axis=1)
        flat[group] = by_row.reshape(-1, int(group))
    (unpacked,) = Layout([small], groups).unpack(flat)
    fields = {name: x[name] for name in field_specs(small)}
    scores = scores_of(small.body, {**fields, **unpacked})
    assert_allclose(scores, scores_of(model, x), rtol=0, atol=1e-6)
