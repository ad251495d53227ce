import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.fields import Field, Task
from models.multi_task.balance import Fixed
from models.multi_task.gradient_balance import GradNorm, PeLtr
from models.multi_task.learner import MultiTaskLearner
from models.multi_task.losses import task_losses
from models.multi_task.shared_bottom import shared_bottom
from models.multi_task.uncertainty import Uncertainty

TASKS = (Task("click"), Task("stars", "regression"))
FIELDS = (Field("user_id", width=3, rows=9), Field("age", "float"))
X = {"user_id": np.array([1, 2, 3, 4]), "age": np.array([0.1, -0.5, 2.0, 1.0], np.float32)}
LABELS = {
    "click": np.array([1.0, 0.0, np.nan, 1.0], np.float32),
    "stars": np.array([3.0, np.nan, np.nan, 1.0], np.float32),
}


def learner_of(balance):
    keras.utils.set_random_seed(1)
    model = shared_bottom(FIELDS, tasks=("click", "stars:regression"), hidden=(4,), tower=(3,))
    return MultiTaskLearner(model, TASKS, balance, learning_rate=0.01, batch_size=4)


def test_losses_are_means_over_the_rows_of_each_tasks_space():
    outputs = {
        "click": np.array([[0.5], [-1.0], [9.0], [2.0]]),
        "stars": np.array([[2.0], [9.0], [9.0], [4.0]]),
    }
    found = task_losses(TASKS, outputs, LABELS)
    p = 1 / (1 + np.exp(-np.array([0.5, -1.0, 2.0])))
    click = -np.mean([np.log(p[0]), np.log(1 - p[1]), np.log(p[2])])
    assert_allclose(found, [click, (1.0 + 9.0) / 2], rtol=1e-5)
    nobody = {name: np.full(4, np.nan) for name in LABELS}
    assert_allclose(task_losses(TASKS, outputs, nobody), [0.0, 0.0])


def test_gradients_apart_and_together_are_the_same_step():
    weighed, apart = learner_of(Fixed([0.3, 0.7])), learner_of(PeLtr([0.0, 0.0]))
    apart.balance.weights = lambda measured: np.array([0.3, 0.7])
    losses = [each.step(X, LABELS) for each in (weighed, apart)]
    assert_allclose(*losses)
    for ours, theirs in zip(weighed.model.get_weights(), apart.model.get_weights(), strict=True):
        assert_allclose(ours, theirs, atol=1e-6)


def test_what_is_measured_are_the_gradients_of_the_shared_weights():
    learner = learner_of(PeLtr([0.0, 0.0]))
    seen = []

    def weights(measured):
        seen.append(measured)
        return np.ones(2)

    learner.balance.weights = weights
    before = learner.model.get_weights()
    learner.step(X, LABELS)
    learner.model.set_weights(before)
    assert [learner._learnt[i].path for i in learner._shared] == [
        "shared_0/kernel",
        "shared_0/bias",
    ]
    # The slope of each loss along each shared weight, by differences.
    slopes = np.zeros((2, 0))
    for i in learner._shared:
        weight = learner._learnt[i]
        value = weight.numpy()
        for place in np.ndindex(value.shape):
            moved = []
            for step in (1e-3, -1e-3):
                changed = value.copy()
                changed[place] += step
                weight.assign(changed)
                moved.append(np.asarray(task_losses(TASKS, learner.model(X), LABELS)))
            weight.assign(value)
            slopes = np.c_[slopes, (moved[0] - moved[1]) / 2e-3]
    assert_allclose(seen[0].gram, slopes @ slopes.T, rtol=0.05, atol=5e-3)


@pytest.mark.parametrize("balance", [Uncertainty(TASKS), GradNorm(2)], ids=["uncertainty", "norm"])
def test_it_learns_with_weights_that_move(balance):
    learner = learner_of(balance)
    first, *_, last = learner.fit(X, LABELS, epochs=40)
    assert (last < first).all()
    if isinstance(balance, GradNorm):
        assert learner._learnt[learner._shared[0]].path == "shared_0/kernel"
        assert balance.state()["weights"].tolist() != [1.0, 1.0]
    else:
        assert np.abs(balance.s.numpy()).min() > 0


def test_figures_leave_out_the_rows_that_are_not_of_a_task():
    learner = learner_of(Fixed([1.0, 1.0]))
    found = learner.figures(X, LABELS)
    scores = learner.predict(X)
    gaps = scores["stars"][[0, 3]] - LABELS["stars"][[0, 3]]
    assert found["stars"]["rmse"] == pytest.approx(np.sqrt(np.mean(gaps**2)), rel=1e-5)
    order = scores["click"]
    assert found["click"]["auc"] == pytest.approx(
        np.mean([(order[i] > order[1]) + 0.5 * (order[i] == order[1]) for i in (0, 3)])
    )
