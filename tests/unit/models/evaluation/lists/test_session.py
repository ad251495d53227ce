"""Runs of lists: planned, made once, and what they reach on planted clusters."""

import numpy as np
import pytest

from millstream.errors import ConfigurationError, DatasetError
from models.evaluation.lists import runs as list_runs
from models.evaluation.lists import session
from models.evaluation.lists.interactions import load
from models.evaluation.lists.protocols import Interactions
from models.evaluation.lists.ragged import Ragged
from models.evaluation.lists.runs import Training, execute
from models.evaluation.lists.towers import before

ITEMS, USERS, TAKEN = 40, 60, 6


@pytest.fixture(scope="module")
def log():
    """A user takes items of one cluster, which is every fourth item."""
    rng = np.random.default_rng(0)
    places = np.concatenate([rng.permutation(10)[:TAKEN] for _ in range(USERS)])
    users = np.repeat(np.arange(USERS), TAKEN)
    return Interactions(
        users, users % 4 + 4 * places, np.arange(len(users), dtype=float), USERS, ITEMS
    )


def planned(log, *names, protocol="strong", options=(), seeds=1, epochs=25):
    training = Training(epochs=epochs, patience=epochs, batch_size=12, learning_rate=0.02)
    return session.planned(
        names,
        "planted",
        log,
        protocol=protocol,
        seeds=seeds,
        training=training,
        options=options,
        ks=(5,),
    )


def test_ease_and_an_autoencoder_find_the_clusters_and_popularity_does_not(log, tmp_path):
    runs = planned(log, "popularity", "ease", "mult_dae", options=("dim=8", "regularisation=2.0"))
    assert [dict(run.options) for run in runs] == [{}, {"regularisation": 2.0}, {"dim": 8}]
    results = session.executed(runs, tmp_path)
    reached = {result.model: result.metrics["recall_capped@5"] or 0.0 for result in results}
    assert reached["ease"] > 0.9
    assert reached["mult_dae"] > 0.9
    assert reached["popularity"] < 0.5
    again = session.executed(planned(log, "ease", options=("regularisation=2.0",)), tmp_path)
    assert again == [results[1]]  # seconds and all: it was not made again
    session.report(results, runs, tmp_path)
    assert "mult_dae" in (tmp_path / "summary.csv").read_text()


@pytest.mark.parametrize("protocol", ["leave-one-out", "strong", "time", "random"])
def test_every_protocol_asks_for_lists(log, protocol):
    (run,) = planned(log, "ease", protocol=protocol)
    result = execute(run)
    assert 0.0 <= (result.metrics["ndcg@5"] or 0.0) <= 1.0
    assert protocol.split("-")[0] in result.key["split"]


def test_a_next_item_model_is_asked_as_any_other(log):
    given = ("width=8", "length=6", "negatives=2", "dim=3")
    runs = planned(log, "sasrec", "mult_dae", protocol="leave-one-out", options=given, epochs=1)
    assert [dict(run.learning) for run in runs] == [{"width": 8, "length": 6, "negatives": 2}, {}]
    result = execute(runs[0])
    assert result.epochs == 1
    assert 0.0 <= (result.metrics["ndcg@5"] or 0.0) <= 1.0


def test_two_towers_learn_from_lists_and_know_what_users_had(log):
    given = ("width=8", "length=4", "negatives=8", "dim=8", "hidden=8")
    (run,) = planned(log, "two_tower", protocol="leave-one-out", options=given, epochs=25)
    assert run.learning == {"width": 8, "length": 4, "negatives": 8}
    result = execute(run)
    reached = result.metrics["recall_capped@5"] or 0.0
    assert reached > 0.8  # of five that are left in the cluster; chance is .15
    (alone,) = planned(log, "two_tower", protocol="random", options=("length=0",), epochs=1)
    assert 0.0 <= (execute(alone).metrics["ndcg@5"] or 0.0) <= 1.0


def test_the_history_of_an_entry_is_what_came_before_it():
    rng = np.random.default_rng(2)
    rows = [rng.integers(0, 30, n).tolist() for n in (4, 0, 1, 7)]
    lists = Ragged.of(np.repeat(np.arange(4), [4, 0, 1, 7]), np.concatenate(rows), 4)
    found = before(lists, np.arange(12), 3)
    wanted = [
        [item + 1 for item in reversed(row[:place])][:3]
        for row in rows
        for place in range(len(row))
    ]
    assert [[item for item in each if item] for each in found.tolist()] == wanted


def test_all_is_every_model_that_can_be_asked_so(log):
    everyone = session.models_of(["all"], "leave-one-out")
    assert set(session.models_of(["all"], "strong")) == set(everyone) - {"minibatch_mf"}
    assert {"popularity", "ease", "mult_vae", "als", "sasrec", "two_tower", "mind"} <= set(everyone)
    assert len(planned(log, "ease", "mult_vae", seeds=3)) == 4


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (("ease",), ("depth=3",), "`option` must be one of"),
        (("ease",), ("depth",), "`option` must be NAME=VALUE"),
        (("nobody",), (), "must be a model of the catalogue"),
    ],
)
def test_what_cannot_be_planned_is_refused(log, names, options, message):
    with pytest.raises(ConfigurationError, match=message):
        planned(log, *names, options=options)


def test_what_cannot_be_asked_so_is_refused(log):
    with pytest.raises(ConfigurationError, match="`models` must give lists"):
        planned(log, "dcn_v2")
    (factorisation,) = planned(log, "minibatch_mf")
    with pytest.raises(ConfigurationError, match="`protocol` must ask users that 'minibatch_mf'"):
        execute(factorisation)
    with pytest.raises(ConfigurationError, match="`protocol` must be one of"):
        list_runs.parts_of(log, "weak")
    with pytest.raises(ConfigurationError, match="`protocol` 'time': `times_s` must be given"):
        list_runs.parts_of(log._replace(times_s=None), "time")


def test_interactions_are_read_from_lines(tmp_path):
    file = tmp_path / "log.txt"
    file.write_text("u1 b 20\nu2 a 5\nu1 a 10\n")
    found = load(str(file))
    assert found.users.tolist() == [0, 1, 0]
    assert found.items.tolist() == [1, 0, 0]
    assert found.times_s.tolist() == [20, 5, 10]
    file.write_text("1::10::5::978300760\n2::11::3::978300761\n")
    assert load(str(file)).times_s.tolist() == [978300760, 978300761]
    file.write_text("1 10\n2 11\n")
    assert load(str(file)).times_s is None
    file.write_text("1 10\n2 11 3\n")
    with pytest.raises(DatasetError, match="Received lines of \\[2, 3\\] columns"):
        load(str(file))
    with pytest.raises(DatasetError, match="cannot be read"):
        load(str(tmp_path / "nothing"))
