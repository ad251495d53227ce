"""A changed model: warmed up beside the served one, compared, and let in when it is as good."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from features.signatures import input_signatures
from millstream import erasures
from millstream.batches import decode_table, encode_table
from millstream.ids import id64_array
from millstream.snapshots import SnapshotReader
from models.metrics import Scored
from online_trainer.challenge.challenger import Challenger, ChallengingRanker
from online_trainer.challenge.warm_up import WarmUp
from online_trainer.evaluation.paired import BLOCKS, MEASURES
from online_trainer.io.log import ConsumedMessage
from online_trainer.io.offsets import Offsets
from online_trainer.snapshots.checkpoint import Base
from online_trainer.snapshots.resume import resume
from online_trainer.trainer import Trainer
from online_trainer.wiring import Wiring
from tests.support.examples import example_message
from tests.support.publishing import Publishing
from tests.support.training import Lender, comparable, unlike
from tests.unit.online_trainer.conftest import SETTINGS

ROWS = 120
SLIM = SETTINGS.model_copy(update={"batch_size": 128, "retriever_options": {"hidden": [4]}})
OLD = Lender(Wiring(SLIM.model_copy(update={"ranker": "fm"})))
NEW = Lender(
    Wiring(
        SLIM.model_copy(
            update={
                "ranker": "lr",
                "retriever_options": {"hidden": [8]},
                "challenger_rows": BLOCKS * ROWS,
                "challenger_margin": 1.0,
            }
        )
    ),
    OLD._pools,
)


class Retained:
    """The messages that the log still has, from an offset on."""

    def __init__(self, offset: int) -> None:
        self._offsets = iter(range(max(offset, 0), 1_000))

    def poll(self, wait_s: float) -> Iterator[ConsumedMessage]:
        offset = next(self._offsets)
        yield ConsumedMessage(offset, example_message(offset, ROWS))

    def close(self) -> None:
        """Nothing to let go."""


def resumed(builder: Lender, folder: Path) -> tuple[Trainer, Base]:
    """A trainer at the newest snapshot, with its challengers; none that was lent before is used."""
    OLD.take_back()
    NEW.take_back()
    trainer = builder.trainer()
    base = resume(trainer, SnapshotReader(folder), builder)
    assert base is not None
    return trainer, base


def warmed(trainer: Trainer) -> None:
    warm_up = WarmUp(trainer, Retained, share=1.0)
    while warm_up.waiting:
        warm_up.work(0.0, idle_s=0.0)
    warm_up.close()


def own(trainer: Trainer, role: str) -> Challenger:
    (found,) = (each for each in trainer.challengers if each.role == role)
    return found


@pytest.fixture(scope="module")
def straight() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The state of either model after 22 messages, as if it had been alone."""
    both = OLD.trainer(), NEW.trainer()
    for number in range(22):
        for trainer in both:
            trainer.consume(example_message(number, ROWS), number)
    return comparable(both[0]), comparable(both[1])


@pytest.fixture(scope="module")
def folder(straight, tmp_path_factory) -> Path:
    """Snapshots of the old model up to message 4, and then of both up to 20, the last one whole."""
    folder: Path = tmp_path_factory.mktemp("snapshots")
    OLD.take_back()
    Publishing(OLD.trainer(), folder).learn(range(4))
    trainer, base = resumed(NEW, folder)
    assert trainer.models == OLD.models() and trainer.offsets.offset == 4
    assert [each.role for each in trainer.challengers] == ["ranker", "retriever"]
    warmed(trainer)
    out = Publishing(trainer, folder, base._replace(takes_deltas=False), full_every=10)
    out.learn([4])
    for number in range(5, 20):
        trainer.consume(example_message(number, ROWS), number)
    out.publisher.lineage.break_off()
    out.publish()
    return folder


def test_the_served_model_goes_on_as_if_nobody_challenged_it_and_so_does_the_other(
    folder, straight
):
    trainer, _ = resumed(NEW, folder)
    warmed(trainer)
    for number in range(20, 22):
        trainer.consume(example_message(number, ROWS), number)
    old, new = straight
    challengers, trainer.challengers = trainer.challengers, []
    assert unlike(comparable(trainer), old) == []
    trainer.challengers = challengers
    trainer.ranker, trainer.retriever = (own(trainer, r).learner for r in ("ranker", "retriever"))
    trainer.challengers = []
    assert unlike(_learnt(comparable(trainer)), _learnt(new)) == []


def _learnt(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What learners are made of: the progressive metrics are of who is served."""
    return {name: array for name, array in state.items() if not name.startswith("progress")}


def test_a_restart_in_the_middle_goes_on_with_both_and_with_their_comparison(folder):
    trainer, _ = resumed(NEW, folder)
    ranker = own(trainer, "ranker")
    assert (trainer.offsets.offset, ranker.offsets.offset) == (20, 20)
    assert ranker.window.progress == pytest.approx(16 / BLOCKS)
    standing = SnapshotReader(folder).manifest(6).extra["challengers"]["ranker"]
    assert standing["model"] == NEW.models()["ranker"]
    assert (standing["is_live"], standing["compared"]) == (True, pytest.approx(0.8))


@pytest.fixture(scope="module")
def promoted(folder, tmp_path_factory) -> tuple[Path, dict[str, np.ndarray]]:
    """Snapshots up to one in which the new ranker has taken over, and the state there."""
    copy: Path = tmp_path_factory.mktemp("promoted")
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    trainer, base = resumed(NEW, copy)
    warmed(trainer)
    told: list[str] = []
    out = Publishing(trainer, copy, base, full_every=10)
    out.publisher.on_promotion = told.extend
    ranker, retriever = trainer.challengers
    out.learn(range(20, 24))
    assert [each.kind for each in out.said] == ["delta", "delta", "delta", "full"]
    assert told == ["ranker"]  # there are fewer positives than rows
    assert trainer.ranker is ranker.learner and trainer.challengers == [retriever]
    return copy, comparable(trainer)


def test_one_that_has_caught_up_takes_over_and_a_restart_goes_on_with_it(promoted):
    folder, state = promoted
    reader = SnapshotReader(folder)
    mixed = {**OLD.models(), "ranker": NEW.models()["ranker"]}
    assert [reader.manifest(v).models for v in (6, 9, 10)] == [OLD.models(), OLD.models(), mixed]
    trainer, _ = resumed(NEW, folder)
    assert trainer.models == mixed
    assert [each.role for each in trainer.challengers] == ["retriever"]
    assert unlike(comparable(trainer), state) == []


def test_one_waits_until_by_no_measure_it_is_worse_for_sure_than_the_margin_allows():
    learner = SimpleNamespace(tasks=[SimpleNamespace(kind="binary")])
    own = ChallengingRanker(learner, {}, rows=1_000, margin=0.01, batch_size=1)  # type: ignore[arg-type]
    own.join(Offsets())
    labels = np.tile([0.0, 1.0], 500)
    good, poor = (Scored(labels, np.abs(labels - miss)) for miss in (0.3, 0.4))

    def compare(ours: Scored, theirs: Scored) -> None:
        own.window.update(
            {
                name: (measure.terms(ours), measure.terms(theirs))
                for name, measure in MEASURES["binary"].items()
            },
            1_000,
        )

    for _ in range(BLOCKS):
        assert not own.has_caught_up
        compare(poor, good)
    assert not own.has_caught_up  # the order is as good, the log loss is not
    for _ in range(BLOCKS):
        compare(good, poor)
    assert own.has_caught_up
    own.is_live = False
    assert not own.has_caught_up


def test_the_model_before_goes_on_from_its_newest_snapshot_when_it_is_chosen_again(promoted):
    folder, _ = promoted
    back, _ = resumed(OLD, folder)
    assert back.models["ranker"] == NEW.models()["ranker"]
    challenger = own(back, "ranker")
    assert (challenger.model, challenger.offsets.offset) == (OLD.models()["ranker"], 23)
    assert challenger.learner.step == 23


def test_the_settings_build_a_challenger_that_has_learnt_nothing():
    found = NEW._wiring.challenger("ranker", input_signatures())
    assert (found.role, found.model) == ("ranker", NEW.models()["ranker"])
    assert (found.offsets.offset, found.is_live, found.has_caught_up) == (0, False, False)


def test_a_challenger_begins_alike_every_time_and_drops_no_compiled_kernels(monkeypatch):
    monkeypatch.setattr("tensorflow.random.set_seed", None)  # would drop them
    one, two = (NEW._wiring.challenger("retriever", input_signatures()) for _ in range(2))
    pairs = zip(one.learner.network.weights, two.learner.network.weights, strict=True)
    weights = [(np.asarray(a), np.asarray(b)) for a, b in pairs]
    assert any(a.std() > 0 for a, _ in weights)
    assert all((a == b).all() for a, b in weights)


def test_where_the_log_is_another_one_there_is_nothing_to_warm_up_from(folder):
    trainer, _ = resumed(NEW, folder)
    trainer.offsets.log = "another"
    own(trainer, "ranker").offsets.log = "the one before"
    own(trainer, "retriever").offsets.log = "the one before"
    WarmUp(trainer, lambda offset: pytest.fail("nothing is read"), 1.0).work(0.0, 0.0)
    assert all(each.is_live for each in trainer.challengers)


@pytest.mark.parametrize("is_live", [True, False])
def test_people_who_are_erased_leave_the_challenger_as_well(folder, is_live):
    trainer, _ = resumed(NEW, folder)
    challenger = own(trainer, "retriever")
    table = decode_table(example_message(0, ROWS)).slice(0, 0)
    users = [f"u{number}" for number in range(200)]
    known = challenger.learner.tables.knows("user_id", id64_array(users))
    erased, *others = [user for user, is_known in zip(users, known, strict=True) if is_known]
    message = encode_table(table, {"source_topic": "users", **erasures.metadata([erased], 7.0)})
    if is_live:
        challenger.join(trainer.offsets)
        trainer.consume(message, 20)
    else:
        challenger.catch_up(message, 20)
    assert challenger.offsets.offset == 21
    assert challenger.learner.tables.knows("user_id", id64_array([erased])).tolist() == [False]
    assert challenger.learner.tables.knows("user_id", id64_array(others)).all()
