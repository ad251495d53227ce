"""What every autoencoder of the catalogue holds."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.autoencoders.learner import Annealing, AutoencoderLearner
from models.catalogue import CATALOGUE, build
from models.evaluation.lists.full_corpus import full_corpus
from models.evaluation.lists.protocols import Interactions, leave_one_out
from models.evaluation.lists.ragged import Ragged
from models.fields import Field

CLUSTERS, ITEMS, USERS, TAKEN = 4, 40, 80, 6
FIELDS = (
    Field("user_id", width=8, rows=USERS + 1, belongs_to="user"),
    Field("recent", width=8, rows=ITEMS + 1, length=5, belongs_to="user", shared_with="item_id"),
    Field("item_id", width=8, rows=ITEMS + 1, belongs_to="item"),
)
ENTRIES = [entry for entry in CATALOGUE if entry.task == "autoencoder"]


@pytest.fixture(params=ENTRIES, ids=lambda entry: entry.name)
def entry(request):
    return request.param


def network_of(entry):
    keras.utils.set_random_seed(3)
    small = {
        "dim": 4 if entry.name == "minibatch_mf" else 8,
        "hidden": (12,) if entry.defaults().get("hidden") else (),
    }
    return build(entry.name, FIELDS, **{k: v for k, v in small.items() if k in entry.defaults()})


def learner_of(entry, **options):
    given = {"learning_rate": 0.02, "batch_size": 40, "annealing": Annealing(0.1, 100)}
    return AutoencoderLearner(network_of(entry), **{**given, **options})


@pytest.fixture(scope="module")
def planted():
    """A user takes items of one cluster, which is every fourth item."""
    rng = np.random.default_rng(0)
    places = np.concatenate([rng.permutation(ITEMS // CLUSTERS)[:TAKEN] for _ in range(USERS)])
    users = np.repeat(np.arange(USERS), TAKEN)
    log = Interactions(users, users % CLUSTERS + CLUSTERS * places, None, USERS, ITEMS)
    return leave_one_out(log)


def test_it_finds_what_a_user_takes_and_what_is_like_it(entry, planted):
    is_mf = entry.name == "minibatch_mf"
    learner = learner_of(
        entry,
        loss="logistic" if is_mf else "multinomial",
        learning_rate=0.1 if is_mf else 0.02,
    )
    first, *_, last = [learner.partial_fit(planted.train, items=ITEMS) for _ in range(40)]
    assert last < first
    test = planted.test
    found = full_corpus(
        lambda which: learner.scores(test.history.take(which), test.users[which]), test, ks=(6,)
    )
    assert found.values["recall@6"] > 0.9  # of five that are left in the cluster; chance is .17
    alike = np.array([learner.similar(item, 5) % CLUSTERS == item % CLUSTERS for item in range(8)])
    assert alike.mean() > 0.8


def test_a_step_moves_the_rows_of_its_items_and_no_others(entry):
    learner = learner_of(entry)
    learner.partial_fit(Ragged(np.array([0, 2]), np.array([3, 5])), items=10)
    before = {n: t.values.copy() for n, t in learner._tables().items() if "item_id" in n}
    learner.partial_fit(Ragged(np.array([0, 2]), np.array([5, 7])))
    for name, values in before.items():
        now = learner._tables()[name].values
        moved = np.flatnonzero((now != values).any(axis=1)).tolist()
        assert set(moved) <= {5, 7}, name
        assert moved, name


def test_new_items_are_new_rows_and_change_nothing_else(entry):
    learner = learner_of(entry)
    lists = Ragged(np.array([0, 2]), np.array([0, 1]))
    learner.partial_fit(lists)
    before = learner.scores(lists)
    assert before.shape == (1, 2)
    learner._grow(9, np.arange(1))
    assert_array_equal(learner.scores(lists)[:, :2], before)
    assert learner.scores(lists).shape == (1, 9)


def test_the_network_scores_as_the_learner_does(entry, planted):
    """Serving's inner product is the learner's logit."""
    learner = learner_of(entry)
    learner.partial_fit(planted.train, items=ITEMS)
    model = learner.network.model
    for layer in model.layers:
        if (table := getattr(layer, "table", None)) is not None:
            values = learner._tables()[table].values
            rows = np.zeros(layer.embeddings.shape, np.float32)
            rows[1 : len(values) + 1] = values
            layer.embeddings.assign(rows)
    lists = Ragged(np.array([0, 3, 4]), np.array([1, 8, 9, 2]))
    x = {"recent": lists.padded(5), "user_id": np.array([1, 2]), "item_id": np.array([4, 5])}
    sides = model({name: x[name] for name in model.input}, training=False)
    logits = np.sum(sides["query"] * sides["candidate"], axis=1)
    assert_allclose(logits, learner.scores(lists)[[0, 1], [3, 4]], rtol=1e-4, atol=1e-5)


def test_a_restored_learner_goes_on_as_the_original(entry, planted):
    learner, other = learner_of(entry), learner_of(entry)
    learner.partial_fit(planted.train)
    other.restore(learner.state())
    for each in (learner, other):
        each.partial_fit(planted.train)
    test = planted.test
    scores = [each.scores(test.history, test.users) for each in (learner, other)]
    assert_array_equal(*scores)
