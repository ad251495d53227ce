"""One ranker of the catalogue on the rows of `ranker_rows.py`: Keras `fit`, and the online step.

    python tests/bench/ranker_runs.py NAME ROUNDS

Prints examples per CPU second of both, for each round, as JSON.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

import keras
import numpy as np

from models.adam import Adam
from models.catalogue import build, find
from models.fields import Field
from models.split import split
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.batch import Batch
from online_trainer.learners.ranker import Ranker
from tests.bench import ranker_rows as given

HISTORY = "behaviour sequence"
# What the defaults would have the rival do without: empty places of sessions, an auxiliary loss.
OPTIONS: dict[str, dict[str, Any]] = {
    "dien": {"alpha": 0.0},
    "dsin": {"sessions": given.SESSIONS, "entries": given.ENTRIES},
}


def main() -> None:
    name, rounds = sys.argv[1], int(sys.argv[2])
    print(json.dumps({"fit": fit(name, rounds), "step": online(name, rounds)}))


def fit(name: str, rounds: int) -> list[float]:
    """As `millstream eval` does, but for the penalty on rows."""
    model = _network(name, rows=given.IDS + 1)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(Adam(), loss, jit_compile=False)
    return given.fit_rates(keras, model, *_columns(name), rounds)


def online(name: str, rounds: int) -> list[float]:
    """The step of the online trainer: rows found and gathered, scored, learnt from, moved."""
    model = _network(name, rows=None)
    parts = split(model)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad()}, Policy(admit_after=1))
    ranker = Ranker(model, parts, tables, Adam(0.001))
    meter = given.Meter(given.SMALL_BATCH, given.SMALL_WARM_UP, given.SMALL_STEPS)
    columns, labels = _columns(name)
    ones, none = np.ones(given.SMALL_BATCH, np.float32), np.zeros(given.SMALL_BATCH, bool)
    for _ in range(rounds):
        for batch in given.small_batches({**columns, "": labels}):
            y = batch.pop("")
            ranker.learn(Batch(batch, y, ones, none))
            meter.step()
    return meter.rates


def _network(name: str, rows: int | None) -> keras.Model:
    fields = [Field(field, width=given.WIDTH, rows=rows) for field in given.names()]
    if find(name).family == HISTORY:
        length = given.SESSIONS * given.ENTRIES
        recent = replace(fields[0], name="recent", length=length, shared_with=fields[0].name)
        fields.append(replace(recent, times="recent_at"))
        fields.append(Field("recent_at", "float", width=length))
    return build(name, fields, **OPTIONS.get(name, {}))


def _columns(name: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    columns, labels = given.rows()
    if find(name).family == HISTORY:
        recent = given.histories().reshape(given.ROWS, -1)
        columns |= {"recent": recent, "recent_at": given.times()}
    return columns, labels


if __name__ == "__main__":
    main()
