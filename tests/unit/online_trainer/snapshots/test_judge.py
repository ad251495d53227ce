"""Published beside served: planted wrong turns are held, or gone back from."""

from typing import Any

import numpy as np
import pytest

from millstream.errors import SnapshotError
from millstream.snapshots import Control, Manifest, SnapshotReader, SnapshotWriter, write_control
from online_trainer.evaluation.recent import RecentRows
from online_trainer.learners.batch import Batch
from online_trainer.snapshots.announcing import fall_back
from online_trainer.snapshots.checkpoint import Parts
from online_trainer.snapshots.frozen import FrozenRankers
from online_trainer.snapshots.gate import Gate
from online_trainer.snapshots.judge import FallBack, Judge
from tests.support.examples import example_message
from tests.support.publishing import Publishing

LIMITS = {"event_auc": 0.01, "auc": 0.01, "log_loss": 0.01, "calibration": 0.3, "rmse": 0.05}
WINDOW = 400
NO_PARTS: Parts = {f"ranker.{part}": {} for part in ("dense", "tables", "training")}


def right(items: np.ndarray) -> np.ndarray:
    """Every third item is liked by nine of ten, every other by one."""
    return np.where(items % 3 == 0, 0.9, 0.1)


def wrong(items: np.ndarray) -> np.ndarray:
    return 1.0 - right(items)


def nearly(items: np.ndarray) -> np.ndarray:
    return np.where(items % 3 == 0, 0.89, 0.11)


def wrong_of_one(items: np.ndarray) -> np.ndarray:
    """Wrong of so few rows that nothing is sure."""
    return np.where(items == 7, wrong(items), right(items))


class Planted:
    """A judge in a world where it is known how likely items are liked.

    What is learnt, and each snapshot, is a function of items to probabilities.
    """

    def __init__(self, folder, after_examples: int = 0, tasks: tuple[str, ...] = ()) -> None:
        self.writer, self.reader = SnapshotWriter(folder), SnapshotReader(folder)
        self.recent, self.examples = RecentRows(WINDOW), 0
        self.asked: list[int] = []
        self.weights, self._tasks, self._rng = {}, tasks, np.random.default_rng(1)
        self.judge = Judge(self.recent, self.reader, self, LIMITS, after_examples, WINDOW)

    def scores(self, manifest: Manifest, batch: Batch) -> np.ndarray:
        self.asked.append(manifest.version)
        return self.weights[manifest.version](batch.inputs["item_id"])

    def follow(self, manifest: Manifest, parts) -> None:
        pass

    def publish(self, model, held: bool = False) -> None:
        version = len(self.weights) + 1
        self.weights[version] = model
        ranker = {"name": "fm", **({"tasks": self._tasks} if self._tasks else {})}
        manifest = Manifest(
            version=version,
            kind="full",
            created_at=0.0,
            examples=self.examples,
            metrics={"log_loss": 0.4},
            models={"ranker": ranker},
            extra={"status": "held"} if held else {},
        )
        self.writer.write(manifest, {})
        if not held:
            self.writer.point_latest(version)
            self.judge.publish(manifest, NO_PARTS)

    def learn(self, model, rows: int = WINDOW, liked=right) -> None:
        """Rows come in, scored by what is learnt."""
        items = self._rng.integers(0, 90, rows)
        labels = (self._rng.random(rows) < liked(items)).astype(np.float32)
        self.examples += rows
        tasks = np.arange(rows, dtype=np.int32) % max(len(self._tasks), 1)
        batch = Batch(
            {"item_id": items}, labels, np.ones(rows, np.float32), labels > 0, tasks=tasks
        )
        self.recent.add(batch, model(items), self.examples)

    def objections(self) -> list[str]:
        return self.judge.objections(self.examples)

    def way_back(self) -> int | None:
        found = self.judge.fall_back(self.examples)
        return None if found is None else found.to.version


@pytest.fixture
def planted(tmp_path) -> Planted:
    return Planted(tmp_path)


def test_what_is_worse_than_what_is_served_is_held_with_the_reason(planted):
    planted.publish(right)
    planted.learn(wrong)
    said = planted.objections()
    begins = [
        f"positive's {name} is worse than that of 1, which is" for name in ("auc", "log_loss")
    ]
    assert [each.startswith(begin) for each, begin in zip(said, begins, strict=False)] == [True] * 2
    assert said[0].endswith("on the newest 400 examples")


@pytest.mark.parametrize(
    ("learnt", "served"),
    [(right, wrong), (right, right), (nearly, right), (wrong_of_one, right)],
)
def test_what_is_better_or_as_good_or_not_for_sure_worse_is_published(planted, learnt, served):
    planted.publish(served)
    planted.learn(learnt)
    assert planted.objections() == []


def test_where_likes_have_turned_what_follows_them_is_published(planted):
    planted.publish(right)
    planted.learn(wrong, liked=wrong)
    assert planted.objections() == []


def test_too_few_rows_judge_nothing_and_neither_do_the_first_examples(planted, tmp_path):
    planted.publish(right)
    planted.learn(wrong, rows=199)
    assert planted.objections() == []
    planted.learn(wrong, rows=1)
    assert planted.objections() != []
    young = Planted(tmp_path / "young", after_examples=401)
    young.publish(right)
    young.learn(wrong)
    assert young.objections() == []


def test_of_several_tasks_the_one_that_is_worse_is_named(tmp_path):
    planted = Planted(tmp_path, tasks=("click", "order"))

    def one_wrong(items: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(items)) % 2, wrong(items), right(items))

    planted.publish(right)
    planted.learn(one_wrong)
    assert {each.split("'")[0] for each in planted.objections()} == {"order"}


def test_snapshots_that_follow_each_other_faster_than_rows_are_compared_later(planted):
    planted.publish(right)
    for _ in range(8):
        planted.learn(right, rows=50)
        assert planted.objections() == []
        planted.publish(right)
    assert planted.judge.compared_with.version == 5
    for _ in range(4):
        planted.learn(wrong, rows=50)
        said = planted.objections()
    assert "worse than that of 9" in said[0]


def test_one_that_turns_bad_is_gone_back_from_to_the_newest_that_is_better(planted):
    for model in (wrong, right, right, wrong):
        planted.learn(right)
        planted.publish(model)
    planted.learn(wrong)
    assert planted.way_back() == 3
    assert planted.judge.served.version == 4  # until it is written down


def test_one_that_was_held_is_not_gone_back_to(planted):
    for model, held in ((right, False), (right, True), (wrong, False)):
        planted.learn(right)
        planted.publish(model, held)
    planted.learn(wrong)
    assert planted.way_back() == 1


def test_where_the_one_before_is_as_bad_older_ones_are_asked_in_growing_steps(planted):
    for model in (right, right, wrong, wrong, wrong):
        planted.learn(right)
        planted.publish(model)
    planted.learn(wrong)
    assert planted.way_back() == 1
    assert planted.asked == [5, 4, 3, 1]


def test_where_what_is_learnt_is_as_good_that_is_published_instead(planted):
    for model in (right, wrong):
        planted.learn(right)
        planted.publish(model)
    planted.learn(right)
    assert planted.way_back() is None
    assert planted.objections() == []


def test_one_that_is_as_it_was_is_not_looked_behind(planted):
    for _ in range(3):
        planted.learn(right)
        planted.publish(right)
    planted.learn(right)
    assert planted.way_back() is None
    assert planted.asked == [3]


def test_after_a_look_in_vain_rows_must_come_before_the_next(planted):
    for model in (wrong, wrong):
        planted.learn(right)
        planted.publish(model)
    planted.learn(wrong)
    assert planted.way_back() is None
    asked = len(planted.asked)
    planted.learn(wrong, rows=WINDOW - 1)
    assert (planted.way_back(), len(planted.asked)) == (None, asked)
    planted.learn(wrong, rows=1)
    assert (planted.way_back(), len(planted.asked)) == (None, asked + 2)


def test_after_a_restart_the_manifest_tells_what_is_served_and_how_good_it_was(planted, caplog):
    planted.learn(right)
    planted.publish(right)
    planted.learn(right)
    planted.publish(wrong)
    again = Judge(planted.recent, planted.reader, planted, LIMITS, 0, WINDOW)
    again.resume()
    assert again.served.version == again.compared_with.version == 2
    planted.learn(wrong)
    assert again.objections(planted.examples) == []
    assert again.fall_back(planted.examples).to.version == 1
    (planted.reader.directory(2) / "manifest.json").write_text("{")
    Judge(planted.recent, planted.reader, planted, LIMITS, 0, WINDOW).resume()
    assert "Nothing is compared with snapshot 2" in caplog.text


class Poisonable(Publishing):
    """A real learner and its publisher, with a judge."""

    def __init__(self, trainers, folder) -> None:
        trainer, reader = trainers.fresh(), SnapshotReader(folder)
        trainer.recent = RecentRows(480)
        self.frozen = FrozenRankers(reader, lambda models, inputs: trainers.fresh().ranker)
        judge = Judge(trainer.recent, reader, self.frozen, LIMITS, 0, 240)
        super().__init__(trainer, folder, None, Gate(max_normalised_entropy=100.0), judge)
        self.judge, self.number, self.fallen_back = judge, 0, 0
        self.publisher.on_fall_back = self._fell_back

    def _fell_back(self) -> None:
        self.fallen_back += 1

    def take(self, messages: int) -> str:
        """Learn from messages, take a snapshot; what was said of it."""
        for _ in range(messages):
            self.trainer.consume(example_message(self.number, 120), self.number)
            self.number += 1
        self.publish()
        return self.said[-1].status

    def poison(self) -> None:
        """Add to the bias of the output: every item is promised to be liked."""
        biases = [v for v in self.trainer.ranker.network.trainable_variables if v.shape == (1,)]
        biases[-1].assign(biases[-1] + 8.0)


def test_a_real_learner_that_is_poisoned_is_held_and_the_served_one_gone_back_from(
    trainers, tmp_path
):
    own = Poisonable(trainers, tmp_path)
    assert [own.take(3) for _ in range(3)] == ["published"] * 3  # a full one and two deltas
    scored = own.trainer.recent.after(0).batch
    own.judge.objections(own.trainer.offsets.examples)
    served = own.judge.compared_with
    assert served is not None
    followed = own.frozen.scores(served, scored)
    own.frozen._version = None
    assert np.array_equal(followed, own.frozen.scores(served, scored))  # as on the disk

    own.poison()
    own.trainer.consume(example_message(135, 8), 9)  # 8 rows, too few to be sure of anything
    own.publish()
    assert own.said[-1].status == "published"
    own.number = 10
    assert own.take(2) == "held"
    back, held = own.said[-2:]
    assert "positive's log_loss is worse than that of 3, which is served" in held.reason
    assert (back.status, back.version, own.fallen_back) == ("rolled_back", 3, 1)
    assert "worse than 3 on the newest 240 examples" in back.reason
    reader = own.publisher.reader
    assert reader.latest() == 3
    assert [reader.manifest(version).is_held for version in (3, 4, 5)] == [False, True, True]
    assert reader.manifest(4).held_because == f"withdrawn: {back.reason}"
    assert trainers.restored(tmp_path).offsets.offset == 9


class Sure(Judge):
    """A judge that knows the way back."""

    def __init__(self, reader: SnapshotReader) -> None:
        nothing: Any = None
        super().__init__(RecentRows(1), reader, nothing, LIMITS, 0, 1)
        self.resume()
        self._found = FallBack(reader.manifest(1), "worse than 1")

    def fall_back(self, examples: int) -> FallBack:
        return self._found


@pytest.fixture
def three(tmp_path) -> tuple[SnapshotWriter, SnapshotReader]:
    writer = SnapshotWriter(tmp_path)
    for version in (1, 2, 3):
        writer.write(Manifest(version=version, kind="full", created_at=0.0), {})
    writer.point_latest(3)
    return writer, SnapshotReader(tmp_path)


def test_all_that_came_after_the_good_one_is_withdrawn(three):
    writer, reader = three
    judge = Sure(reader)
    told = fall_back(judge, 0, writer, reader, 5.0)
    assert told is not None
    assert (told.version, told.status, told.reason) == (1, "rolled_back", "worse than 1")
    assert [reader.manifest(version).is_held for version in (1, 2, 3)] == [False, True, True]
    assert (reader.latest(), judge.served.version, judge.compared_with.version) == (1, 1, 1)


def test_while_an_operator_has_chosen_a_version_nobody_else_goes_back(three):
    writer, reader = three
    write_control(reader.root, Control(number=1, action="pin", version=3))
    assert fall_back(Sure(reader), 0, writer, reader, 5.0) is None
    assert (reader.latest(), reader.manifest(3).is_held) == (3, False)


def test_a_way_back_that_cannot_be_written_down_is_not_gone(three, caplog):
    writer, reader = three
    judge = Sure(reader)
    (reader.root / "WITHDRAWN").mkdir()
    with pytest.raises(SnapshotError, match="WITHDRAWN cannot be read"):
        reader.manifest(1)
    assert fall_back(judge, 0, writer, reader, 5.0) is None
    assert (judge.served.version, reader.latest()) == (3, 3)
    assert "is not gone back from" in caplog.text
