import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.autoencoders.adam_rows import AdamRows
from models.autoencoders.learner import Annealing, AutoencoderLearner
from models.autoencoders.minibatch_mf import minibatch_mf
from models.autoencoders.mult_vae import mult_dae, mult_vae
from models.autoencoders.network import TableShape
from models.evaluation.lists.ragged import Ragged
from models.fields import Field
from models.rows import RowInit

FIELDS = (
    Field("user_id", width=4, belongs_to="user"),
    Field("recent", width=4, length=3, belongs_to="user", shared_with="item_id"),
    Field("item_id", width=4, belongs_to="item"),
)
LISTS = Ragged(np.array([0, 2, 5]), np.array([1, 4, 1, 2, 6]))
VALUES = np.array([1.0, 2.0, 3.0, 1.0, 5.0])


def slow_loss(kind, logits, alpha):
    """Over items 1, 2, 4, 6, that the two users have, one cell at a time."""
    total = 0.0
    for user, values in enumerate(({1: 1.0, 4: 2.0}, {1: 3.0, 2: 1.0, 6: 5.0})):
        partition = np.log(sum(np.exp(logits[user, i]) for i in (1, 2, 4, 6)))
        for i in (1, 2, 4, 6):
            y, x = logits[user, i], float(i in values)
            weight = 1.0 + alpha * values.get(i, 0.0)
            total += (
                weight
                * {
                    "multinomial": -x * (y - partition),
                    "logistic": np.log1p(np.exp(-y)) if x else np.log1p(np.exp(y)),
                    "squared": (x - y) ** 2,
                }[kind]
            )
    return total / 2


@pytest.mark.parametrize("kind", ["multinomial", "logistic", "squared"])
@pytest.mark.parametrize("alpha", [0.0, 0.7])
def test_the_loss_is_over_the_items_of_the_batch(kind, alpha):
    network = mult_dae(FIELDS, dim=4, dropout=0.0)
    learner = AutoencoderLearner(network, loss=kind, confidence=alpha, learning_rate=0.1)
    learner._grow(8, np.arange(2))
    before = learner.scores(LISTS)
    loss = learner.partial_fit(LISTS, values=VALUES)
    assert loss == pytest.approx(slow_loss(kind, before, alpha), rel=1e-4)


def test_more_users_drawn_together_are_more_negatives():
    rng = np.random.default_rng(0)
    lists = Ragged.of(np.repeat(np.arange(40), 3), rng.integers(0, 500, 120), 40)

    def widths(**options):
        learner = AutoencoderLearner(mult_dae(FIELDS, dim=2), batch_size=10, **options)
        seen = []

        def learn(values, users, union):
            seen.append((len(users), len(union)))
            return 0.0

        learner._learn = learn
        learner.partial_fit(lists)
        return seen

    few, many = widths(), widths(num_sampling_users=40)
    assert [users for users, _ in few] == [users for users, _ in many] == [10] * 4
    assert {union for _, union in many} == {len(np.unique(lists.values))}
    assert max(union for _, union in few) <= 30
    assert {union for _, union in widths(full=True)} == {int(lists.values.max()) + 1}


def test_the_divergence_is_annealed_to_its_highest():
    learner = AutoencoderLearner(mult_vae(FIELDS, dim=2, hidden=(3,)), annealing=Annealing(0.2, 4))
    (code,) = learner._codes
    seen = []
    for _ in range(6):
        learner.partial_fit(LISTS)
        seen.append(float(code.beta))
    assert_allclose(seen, [0.05, 0.1, 0.15, 0.2, 0.2, 0.2], rtol=1e-6)


def test_only_the_users_of_a_factorisation_move():
    learner = AutoencoderLearner(minibatch_mf(FIELDS, dim=4), loss="squared")
    learner.partial_fit(LISTS, users=np.array([0, 2]))
    before = learner.rows["user_id"].values.copy()
    learner.partial_fit(LISTS, users=np.array([2, 3]))
    moved = (learner.rows["user_id"].values[:3] != before).any(axis=1)
    assert moved.tolist() == [False, False, True]
    assert len(learner.rows["user_id"]) == 4


def test_rows_step_as_adam_does():
    rows = AdamRows(TableShape("t", 2, RowInit()))
    rows.grow(3)
    slow, mean, square = rows.values.astype(np.float64).copy(), np.zeros(2), np.zeros(2)
    rng = np.random.default_rng(0)
    for step in range(1, 6):
        gradient = rng.normal(size=(1, 2))
        rows.learn(np.array([1]), gradient, 0.1)
        mean = 0.9 * mean + 0.1 * gradient[0]
        square = 0.999 * square + 0.001 * gradient[0] ** 2
        m, s = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        slow[1] -= 0.1 * m / (np.sqrt(s) + 1e-8)
    assert_allclose(rows.values, slow, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_learnt_so_is_refused():
    network = mult_dae(FIELDS, dim=2)
    with pytest.raises(ValueError, match="`loss` must be one of"):
        AutoencoderLearner(network, loss="hinge")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`num_sampling_users` must be at least `batch_size`, 10"):
        AutoencoderLearner(network, batch_size=10, num_sampling_users=5)
