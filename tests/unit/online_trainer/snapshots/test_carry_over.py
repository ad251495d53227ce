"""A change of the list of inputs: what a trainer keeps, and how it goes on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.signatures import input_signatures
from millstream.errors import ConfigurationError
from millstream.snapshots import SnapshotReader
from online_trainer.embeddings.state import export
from online_trainer.io.examples import ExampleBatch, decode
from online_trainer.snapshots.checkpoint import Base
from online_trainer.snapshots.resume import resume
from online_trainer.trainer import Trainer
from online_trainer.wiring import Wiring
from tests.support.examples import example_message
from tests.support.publishing import Publishing
from tests.unit.online_trainer.conftest import SETTINGS

WIRING = Wiring(SETTINGS)
ROWS = 120
NEW = ("user_occupation", "item_popularity_30m", "item_release_year")
BEFORE = tuple(each for each in input_signatures() if each.name not in NEW)
PROBE = ExampleBatch.of(decode(example_message(50, ROWS)).table).batch


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Snapshots of a trainer that has learnt without the inputs `NEW`."""
    folder = tmp_path_factory.mktemp("before")
    Publishing(WIRING.trainer(BEFORE), folder).learn(range(3))
    return folder


@pytest.fixture(scope="module")
def old(folder) -> Trainer:
    trainer = WIRING.trainer(BEFORE)
    assert resume(trainer, SnapshotReader(folder), WIRING) is not None
    return trainer


@pytest.fixture(scope="module")
def resumed(folder) -> tuple[Trainer, Base]:
    """A trainer with all inputs that goes on from there."""
    trainer = WIRING.trainer()
    base = resume(trainer, SnapshotReader(folder), WIRING)
    assert base is not None
    return trainer, base


def test_nothing_is_learnt_twice_and_nothing_left_out(old, resumed):
    new, base = resumed
    assert (new.offsets, base.version) == (old.offsets, 3)
    assert base.steps == {role: learner.step for role, learner in old.learners.items()}
    values, expected = new.progress.values(), old.progress.values()
    assert list(values.values()) == pytest.approx(list(expected.values()), nan_ok=True)


def test_tables_of_inputs_that_stay_go_on_to_the_last_bit_and_a_new_one_is_empty(old, resumed):
    new, _ = resumed
    for role, learner in old.learners.items():
        before, after = export(learner.tables), export(new.learners[role].tables)
        for name, rows in before.rows.items():
            order, other = np.argsort(rows.ids), np.argsort(after.rows[name].ids)
            assert np.array_equal(rows.vectors[order], after.rows[name].vectors[other])
            for key in (f"{name}/slot/sum", f"{name}/last_used"):
                assert np.array_equal(before.training[key][order], after.training[key][other])
            rare = f"{name}/rare/ids"
            assert set(before.training[rare]) == set(after.training[rare])
        assert after.rows["user_occupation"].ids.tolist() == [0]


def test_scores_right_after_are_those_of_right_before(old, resumed):
    new, _ = resumed
    assert new.ranker.score(PROBE) == pytest.approx(old.ranker.score(PROBE), abs=1e-6)


def test_moments_of_a_kept_weight_are_kept_and_a_new_slice_has_none(old, resumed):
    new, _ = resumed

    def moments(trainer: Trainer) -> np.ndarray:
        found = [v for v in trainer.ranker.dense.optimiser.variables if "deep_0_k" in v.path]
        return np.stack([v.numpy() for v in found])

    before, after = moments(old), moments(new)
    width = before.shape[1]
    assert np.array_equal(after[:, :width], before)
    assert (before != 0).any() and not after[:, width:].any()
    counts = [t.ranker.dense.optimiser.iterations.numpy() for t in (old, new)]
    assert counts[0] == counts[1] > 0


def test_one_input_may_go_while_others_come(folder, old):
    new = WIRING.trainer(tuple(each for each in input_signatures() if each.name != "user_gender"))
    base = resume(new, SnapshotReader(folder), WIRING)
    assert base is not None and not base.takes_deltas
    assert (new.offsets, new.ranker.step) == (old.offsets, old.ranker.step)
    names = [each.name for each in new.inputs]
    stay = [each.name for each in BEFORE if each.name != "user_gender"]
    assert names[: len(stay)] == stay and set(names[len(stay) :]) == set(NEW)
    before, after = export(old.ranker.tables), export(new.ranker.tables)
    assert before.rows.keys() - after.rows.keys() == {"user_gender"}
    rows, other = before.rows["user_id"], after.rows["user_id"]
    assert np.array_equal(rows.vectors[np.argsort(rows.ids)], other.vectors[np.argsort(other.ids)])
    assert new.consume(example_message(3, ROWS), 3).learnt == ROWS


def test_where_no_network_can_be_built_between_the_lists_the_snapshot_is_passed_over(
    folder, caplog
):
    class Strict(Wiring):
        def networks(self, inputs):
            raise ConfigurationError("A list needs a target.")

    new = WIRING.trainer(tuple(each for each in input_signatures() if each.name != "user_gender"))
    assert resume(new, SnapshotReader(folder), Strict(SETTINGS)) is None
    assert "Snapshot 3 is passed over: A list needs a target." in caplog.text
    assert (new.offsets.offset, new.ranker.step) == (0, 0)


def test_the_next_snapshot_is_whole_and_what_it_holds_is_gone_on_from_as_it_is(folder, resumed):
    new, base = resumed
    out = Publishing(new, folder, base, full_every=10)
    out.learn(range(3, 5))
    assert [(each.version, each.kind) for each in out.said] == [(4, "full"), (5, "delta")]
    manifest = SnapshotReader(folder).manifest(5)
    assert [each.name for each in manifest.inputs[: len(BEFORE)]] == [e.name for e in BEFORE]
    again = WIRING.trainer()
    found = resume(again, SnapshotReader(folder), WIRING)
    assert found is not None and found.takes_deltas
    assert again.inputs == manifest.inputs
    assert np.array_equal(again.ranker.score(PROBE), new.ranker.score(PROBE))
    jobs = PROBE.inputs["user_occupation"][::-1].copy()
    moved = replace(PROBE, inputs={**PROBE.inputs, "user_occupation": jobs})
    assert not np.array_equal(again.ranker.score(moved), new.ranker.score(PROBE))
