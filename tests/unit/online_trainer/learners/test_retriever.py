import keras
import numpy as np
import pytest

from models.fields import Field
from models.losses.streaming_frequency import StreamingFrequency
from models.retrieval.two_tower import two_tower
from models.split import split
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.batch import Batch
from online_trainer.learners.candidates import MixedNegatives
from online_trainer.learners.item_pool import ItemPool
from online_trainer.learners.retriever import Retriever

FIELDS = [
    Field("user_id", width=8, belongs_to="user"),
    Field("recent", width=8, length=4, belongs_to="user", shared_with="item_id"),
    Field("item_id", width=8, belongs_to="item"),
    Field("year", "float", belongs_to="item"),
]
TASTES, USERS, ITEMS = 4, 40, 60


def retriever(draws: int = 32) -> Retriever:
    keras.utils.set_random_seed(1)
    towers = two_tower(FIELDS, dim=8, hidden=(16,))
    query, candidate = map(split, towers.learning)
    tables = {**query.tables, **candidate.tables}.values()
    return Retriever(
        towers.model,
        query,
        candidate,
        towers.objective,
        DynamicTables(tables, {"": RowAdagrad(0.2)}, Policy(admit_after=1)),
        keras.optimizers.Adam(0.01),
        MixedNegatives(
            ItemPool([field for field in FIELDS if field.belongs_to == "item"]),
            StreamingFrequency(slots=1 << 10),
            draws,
        ),
    )


def batch(seed: int, rows: int = 64) -> Batch:
    """Positives are of the user's taste, negatives are not."""
    rng = np.random.default_rng(seed)
    user = rng.integers(1, USERS, rows)
    positive = rng.random(rows) < 0.5
    item = rng.integers(0, ITEMS // TASTES, rows) * TASTES + (user + ~positive) % TASTES + 1
    inputs = {
        "user_id": user,
        "recent": np.zeros((rows, 4), np.int64),
        "item_id": item,
        "year": np.zeros(rows, np.float32),
    }
    return Batch(inputs, positive.astype(np.float32), np.ones(rows, np.float32), positive)


def test_it_learns_what_each_user_likes():
    ours = retriever()
    steps = [ours.learn(batch(seed)) for seed in range(150)]
    rates = [step.hit_rate for step in steps if step]
    losses = [step.loss for step in steps if step]
    assert np.mean(rates[-20:]) > 0.5 > np.mean(rates[:5])
    assert np.mean(losses[-20:]) < np.mean(losses[:5]) - 0.5


def test_similarities_follow_what_is_learnt_and_change_nothing():
    ours = retriever()
    for seed in range(100):
        ours.learn(batch(seed))
    users, items = batch(200), batch(201)
    before = ours.learn(batch(100))
    again = retriever()
    for seed in range(100):
        again.learn(batch(seed))
    near = again.similarities(users.inputs, items.inputs)
    assert near.shape == (len(users), len(items))
    same = (users.inputs["user_id"][:, None] - items.inputs["item_id"] + 1) % TASTES == 0
    assert near[same].mean() > near[~same].mean() + 0.1
    assert again.learn(batch(100)) == before


def test_negatives_teach_nothing_but_are_kept_to_draw_from():
    ours = retriever()
    given = batch(0)
    none = Batch(given.inputs, given.labels * 0, given.weights, np.zeros(len(given), bool))
    assert ours.learn(none) is None
    assert (ours.step, len(ours.tables)) == (0, 0)
    assert isinstance(ours.candidates, MixedNegatives)
    assert len(ours.candidates.pool) == len(set(given.inputs["item_id"].tolist()))


def test_the_same_messages_give_the_same_retriever():
    one, other = retriever(), retriever()
    for seed in range(5):
        assert one.learn(batch(seed)) == other.learn(batch(seed))


def test_its_memory_goes_with_it():
    straight, stopped = retriever(), retriever()
    for seed in range(4):
        straight.learn(batch(seed))
        stopped.learn(batch(seed))
    again = retriever()
    again.restore_memory(stopped.memory())
    again.step = stopped.step
    a, _ = straight._sampled(batch(9).take(np.arange(3)))
    b, _ = again._sampled(batch(9).take(np.arange(3)))
    for part_a, part_b in zip(a, b, strict=True):
        for name in part_a:
            np.testing.assert_array_equal(part_a[name], part_b[name])


@pytest.mark.parametrize("rows", [1, 2, 33])
def test_batches_of_any_size_are_traced_once(rows):
    ours = retriever()
    for size in (rows, rows + 1, 4 * rows):
        given = batch(size, size)
        ours.learn(Batch(given.inputs, given.labels, given.weights, np.ones(size, bool)))
    assert ours._learn._traced.experimental_get_tracing_count() == 1


def test_an_item_that_both_towers_read_is_one_row():
    ours = retriever()
    assert {table.name for a in ours.tables.slabs.values() for table in a.tables} == {
        "user_id",
        "item_id",
    }
