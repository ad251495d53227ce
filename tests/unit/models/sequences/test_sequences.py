"""Learning next items from a file: batches, losses, resuming, and that cycles are found."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from millstream.errors import ConfigurationError, DatasetError
from models.catalogue import find
from models.evaluation.lists.ragged import Ragged
from models.sequences.batches import Hidden, SequenceBatches
from models.sequences.fit import SequenceLearner
from models.sequences.reading import read_log
from models.sequences.run import SequenceRun, SequenceTraining

ITEMS, USERS = 8, 12
LISTS = Ragged.of(np.array([0, 0, 0, 0, 1, 1, 2]), np.array([3, 1, 4, 2, 5, 0, 6]), 3)
TIMES = Ragged.of(LISTS.lists, np.array([10, 20, 35, 60, 5, 9, 7]), 3)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Whoever is at an item goes on to the next one, round a circle, now in one file."""
    path = tmp_path_factory.mktemp("log") / "circle.txt"
    rows = [(u, (u + step) % ITEMS, 100 * step + u) for u in range(USERS) for step in range(5)]
    path.write_text("".join(f"{u},{item},5,{time}\n" for u, item, time in rows))
    return read_log(path, ["user", "item", "-", "time"], ",")


def batch_of(times=None, negatives=2, shares=False):
    batches = SequenceBatches(LISTS, times, 200, 3, negatives, shares, None, 3)
    assert len(batches) == 1  # the user of one item has nothing to guess
    (batch,) = batches.epoch(np.random.default_rng(0))
    return batch


def test_a_causal_batch_has_for_each_entry_what_came_after_it():
    batch = batch_of()
    row = int(batch["history"][1, 0] == 5)  # of the user of four
    assert batch["history"][row].tolist() == [5, 2, 4]
    assert batch["target"][row].tolist() == [3, 5, 2]
    assert batch["history"][1 - row].tolist() == [6, 0, 0]
    assert batch["target"][1 - row].tolist() == [1, 0, 0]
    assert batch["negatives"].shape == (2, 3, 2)
    assert not np.isin(batch["negatives"][row], [4, 2, 5, 3]).any()


def test_shared_negatives_are_of_a_user_and_nothing_that_the_user_has():
    batch = batch_of(negatives=50, shares=True)
    row = int(batch["history"][1, 0] == 5)
    assert batch["negatives"].shape == (2, 50)
    assert not np.isin(batch["negatives"][row], [4, 2, 5, 3]).any()
    assert len(np.unique(batch["negatives"][row])) > 25


def test_an_epoch_asks_for_every_entry_once_in_batches_no_longer_than_their_users():
    rng = np.random.default_rng(0)
    sizes = rng.integers(0, 90, 2000)
    lists = Ragged.of(np.repeat(np.arange(2000), sizes), rng.integers(0, 50, sizes.sum()), 2000)
    batches = SequenceBatches(lists, None, 50, 40, 0, False, None, 16)
    epoch = list(batches.epoch(rng))
    assert len(epoch) == len(batches)
    asked = np.concatenate([batch["target"][batch["target"] > 0] for batch in epoch])
    wanted = [lists[u][max(1, n - 40) :] + 1 for u, n in enumerate(sizes)]
    assert_array_equal(np.sort(asked), np.sort(np.concatenate(wanted)))
    held = [np.count_nonzero(batch["history"], axis=1) for batch in epoch]
    for batch, entries in zip(epoch, held, strict=True):
        assert batch["history"].shape[1] - 5 < entries.max() <= batch["history"].shape[1]
        assert entries.min() > 0
    totals = sorted(entries.sum() for entries in held)
    assert totals[-1] < 1.5 * totals[1]  # but for the last one, of what is left


def test_times_count_from_the_oldest_entry_and_the_request_is_when_the_newest_target_came():
    batch = batch_of(times=TIMES)
    row = int(batch["history"][1, 0] == 5)
    assert batch["history_times"][row].tolist() == [26.0, 11.0, 1.0]
    assert batch["request_time"].tolist()[row] == 51.0
    assert batch["history_times"][1 - row].tolist() == [1.0, 0.0, 0.0]


def test_a_cloze_batch_hides_entries_and_asks_for_those_alone():
    for seed in range(5):
        batches = SequenceBatches(LISTS, None, 200, 3, 0, False, Hidden(0.3), 2)
        (batch,) = batches.epoch(np.random.default_rng(seed))
        masked = batch["masked"] > 0
        assert masked.any(axis=1).all()
        assert not masked[batch["history"] == 0].any()
        assert_array_equal(batch["target"], np.where(masked, batch["history"], 0))


def test_of_what_is_guessed_bert_shows_some_as_another_item_and_some_as_it_is():
    rng = np.random.default_rng(4)
    window = np.full((500, 40), 7)
    hidden = Hidden(0.15, newest_share=0.0, shown_share=0.1)
    chosen = hidden.chosen(window, rng)
    history, masked = hidden.read(window, chosen, 1000, rng)
    assert chosen.mean() == pytest.approx(0.15, abs=0.01)
    assert_array_equal(history[~chosen], 7)
    assert not masked[~chosen].any()
    assert masked[chosen].mean() == pytest.approx(0.8, abs=0.03)
    assert (history != 7)[chosen].mean() == pytest.approx(0.1, abs=0.02)
    assert not masked[history != 7].any()
    assert history.min() >= 1


def test_of_some_rows_the_newest_alone_is_guessed():
    window = np.array([[4, 5, 6], [4, 0, 0]])
    chosen = Hidden(0.9, newest_share=1.0).chosen(window, np.random.default_rng(0))
    assert chosen.tolist() == [[True, False, False]] * 2


def run_of(log, name, **training):
    options = {"dropout": 0.1} | ({"hidden": (8,)} if name == "gru4rec" else {"blocks": 1})
    own = {"width": 8, "length": 5, "batch_size": 6, "learning_rate": 0.02, "negatives": 4}
    return SequenceRun(find(name), log, SequenceTraining(**{**own, **training}), options)


def _stop(progress):
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["sasrec", "bert4rec"])
def test_a_run_that_stops_goes_on_as_if_it_had_not(log, name, tmp_path):
    straight = SequenceLearner(run_of(log, name, epochs=2), eager=True)
    straight.fit()
    with pytest.raises(KeyboardInterrupt):
        SequenceLearner(run_of(log, name, epochs=2), tmp_path, eager=True).fit(_stop)
    again = SequenceLearner(run_of(log, name, epochs=2), tmp_path, eager=True)
    assert again.fit().epoch == 2
    for ours, theirs in zip(straight.network.variables, again.network.variables, strict=True):
        assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_a_folder_of_another_run_is_refused(log, tmp_path):
    SequenceLearner(run_of(log, "sasrec", epochs=1), tmp_path, eager=True).fit()
    with pytest.raises(DatasetError, match="must be of this run, or empty"):
        SequenceLearner(run_of(log, "sasrec", epochs=2), tmp_path, eager=True).fit()


def test_a_run_begins_with_what_was_best_in_its_pre_training(log, tmp_path):
    first = SequenceLearner(
        run_of(log, "bert4rec", epochs=1, shown_share=0.1), tmp_path, eager=True
    )
    first.fit()
    begin = tmp_path / "epoch.npz"
    run = replace(run_of(log, "bert4rec", epochs=1, newest_share=1.0), begin=begin)
    fine = SequenceLearner(run, eager=True)
    for ours, theirs in zip(fine.model.model.get_weights(), first._best, strict=True):
        assert_array_equal(ours, theirs)
    assert run.key["begin"]
    with pytest.raises(DatasetError, match="must be of the same model, 'sasrec'"):
        SequenceLearner(replace(run_of(log, "sasrec"), begin=begin), eager=True)


@pytest.mark.parametrize("name", ["gru4rec", "gsasrec", "bert4rec", "hstu"])
def test_each_learns_what_follows_what(log, name):
    # BERT4Rec guesses only what is hidden, each time.
    epochs, rate = (300, 0.01) if name == "bert4rec" else (60, 0.02)
    counts = dict.fromkeys(("epochs", "patience", "validate_every"), epochs)
    training = {**counts, "learning_rate": rate}
    learner = SequenceLearner(run_of(log, name, **training))
    learner.fit()
    figures = learner.figures(log.protocol.test)
    assert figures.values["mrr"] > 0.8  # of four items that were not seen; 0.52 by chance


def test_a_ranker_is_no_model_of_sequences(log):
    with pytest.raises(ConfigurationError, match="Received: 'dcn_v2'"):
        SequenceRun(find("dcn_v2"), log)


def test_a_line_of_too_few_columns_is_named(tmp_path):
    (tmp_path / "bad.txt").write_text("1 2\n3\n")
    with pytest.raises(DatasetError, match="line 2 must have 2 columns. Received: '3'"):
        read_log(tmp_path / "bad.txt")
