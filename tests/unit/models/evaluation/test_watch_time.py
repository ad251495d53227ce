"""The time watched reaches the loss: from a file, and from examples of the stream.

Item 1 is clicked by 5 % for 40 s, item 2 by 20 % for 2 s; the odds that YouTube's ranker learns are
sum T / (N - k), a little above the time watched per impression.
"""

import keras
import numpy as np
import pytest

from models.catalogue import build, find
from models.evaluation import loaders
from models.evaluation.encoded import encoded
from models.evaluation.networks import Network
from models.evaluation.settings import Training
from models.fields import Field
from models.losses.watch_time import watch_time_weights
from models.split import split
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.batch import Batch
from online_trainer.learners.objective import POINTWISE
from online_trainer.learners.ranker import Ranker

ITEMS = np.repeat([1, 2], 400)
CLICKED = np.concatenate([np.arange(400) < 20, np.arange(400) < 80]).astype(np.float32)
SECONDS = np.where(ITEMS == 1, 40.0, 2.0)
ODDS = [800 / 380, 160 / 320]


def odds(chances):
    return chances / (1.0 - chances)


def test_a_file_that_names_the_time_watched_teaches_it(tmp_path):
    rows = zip(ITEMS, CLICKED, SECONDS, strict=True)
    lines = [f"{item},{clicked:.0f},{seconds}" for item, clicked, seconds in rows]
    (tmp_path / "log.csv").write_text("\n".join(["item,label,seconds", *lines]))
    schema = 'files = ["log.csv"]\nwatched = "seconds"\n[columns]\nitem = {side = "item"}\n'
    (tmp_path / "log.toml").write_text(schema)
    dataset = loaders.load(str(tmp_path / "log.toml"))
    fields, rows_of = encoded(dataset, np.arange(len(ITEMS)), width=2)
    training = Training(batch_size=800, epochs=150, patience=150, learning_rate=0.1, decay=1, l2=0)
    network = Network(find("youtube_ranker"), fields, {"hidden": ()}, training, seed=0)
    for _ in range(150):
        network.test_then_train(rows_of, lambda share, reached: None)
    learnt = odds(network.predict(rows_of.x))
    assert learnt[[0, -1]] == pytest.approx(ODDS, rel=0.05)


def test_examples_that_weigh_the_time_watched_teach_it_online():
    keras.utils.set_random_seed(0)
    model = build("youtube_ranker", [Field("item_id", width=2)], hidden=())
    parts = split(model)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad(0.3)}, Policy(admit_after=1))
    ranker = Ranker(model, parts, tables, keras.optimizers.Adam(0.1), POINTWISE)
    weights = watch_time_weights(CLICKED, SECONDS)
    batch = Batch({"item_id": ITEMS}, CLICKED, weights, CLICKED > 0)
    for _ in range(150):
        ranker.learn(batch)
    assert odds(ranker.score(batch))[[0, -1]] == pytest.approx(ODDS, rel=0.05)
