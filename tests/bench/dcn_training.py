"""The network and the batches of the training benchmarks: DCN-V2, 22 sparse fields, 16 wide.

Ids are uniform, which is the hardest case for a sparse table: almost no id is twice in a batch.
"""

from collections.abc import Iterator

import keras
import numpy as np

from models.catalogue import build
from models.fields import Field
from models.split import split
from online_trainer.embeddings.keys import RowKeys
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.batch import Batch
from online_trainer.learners.optimisers import dense_optimiser
from online_trainer.learners.ranker import Ranker

FIELDS = 22
WIDTH = 16
BATCH = 2048
_CHUNK = 1 << 18


def names() -> list[str]:
    return [f"field_{place:02d}" for place in range(FIELDS)]


def network(rows_per_field: int | None = None, rank: int | None = None) -> keras.Model:
    """With tables for `fit`, or without; `rank` of the crosses, None is full."""
    keras.utils.set_random_seed(1)
    return build(
        "dcn_v2", [Field(name, width=WIDTH, rows=rows_per_field) for name in names()], rank=rank
    )


def batches(
    rows_per_field: int, ids: np.ndarray | None = None, size: int = BATCH
) -> Iterator[Batch]:
    """Endless, of `size` rows.

    Every id of a field is at most once in a batch, so that each step has as many rows.
    """
    rng = np.random.default_rng(0)
    while True:
        inputs = {}
        for name in names():
            places = rng.choice(rows_per_field, size, replace=False, shuffle=False)
            inputs[name] = 1 + places if ids is None else ids[places]
        labels = (rng.random(size) < 0.3).astype(np.float32)
        yield Batch(inputs, labels, np.ones(size, np.float32), np.zeros(size, bool))


def filled_ranker(ids: np.ndarray, rank: int | None = None) -> Ranker:
    """A ranker whose tables hold `ids` in every field."""
    model = network(rank=rank)
    parts = split(model)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad()}, Policy(admit_after=1))
    slab = tables.slabs[str(WIDTH)]
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        for tag in range(FIELDS):
            slab.locate(RowKeys(part, np.full(len(part), tag)), step=0)
    return Ranker(model, parts, tables, dense_optimiser({}, rate=0.001, row_rates={}))


def scattered_ids(count: int) -> np.ndarray:
    """`count` different ids all over the 62 bits, in no order."""
    ids = np.unique(np.random.default_rng(1).integers(1, 1 << 62, count + count // 100 + 10))
    return np.random.default_rng(2).permutation(ids)[:count]
