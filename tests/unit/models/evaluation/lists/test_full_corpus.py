import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.evaluation.lists.figures import Figures, spread
from models.evaluation.lists.full_corpus import full_corpus
from models.evaluation.lists.questions import Questions, asked
from models.evaluation.lists.ragged import Ragged
from tests.support.slow_lists import slow_diversity, slow_figures, slow_gini, slow_list

ITEMS, KS = 12, (1, 3, 10, 15)


def questions_of(rng, n=40):
    history = Ragged.of(rng.integers(0, n, 4 * n), rng.integers(0, ITEMS, 4 * n), n)
    answers = Ragged.of(rng.integers(0, n, 3 * n), rng.integers(0, ITEMS, 3 * n), n)
    return asked(ITEMS, history, answers, np.arange(n))[0]


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    questions = questions_of(rng)
    scores = rng.integers(0, 4, (len(questions), ITEMS)).astype(np.float32)  # many are equal
    vectors = rng.integers(0, 2, (ITEMS, 2)).astype(np.float64)
    return questions, scores, vectors


def test_every_figure_is_that_of_the_plain_way(case):
    questions, scores, vectors = case
    found = full_corpus(lambda which: scores[which], questions, ks=KS, vectors=vectors, seed=3)
    order = np.random.default_rng(3).permutation(ITEMS)
    lists = [
        slow_list(scores[q], set(questions.seen[q].tolist()), order) for q in range(len(questions))
    ]
    for k in KS:
        slow = [
            slow_figures(ranked, set(questions.relevant[q].tolist()), k)
            for q, ranked in enumerate(lists)
        ]
        for name in slow[0]:
            each = np.array([figures[name] for figures in slow])
            assert_allclose(found.per_question[name], each, err_msg=name)
            assert found.values[name] == pytest.approx(each.mean())
        counts = np.bincount([i for ranked in lists for i in ranked[:k]], minlength=ITEMS)
        assert found.values[f"coverage@{k}"] == pytest.approx((counts > 0).mean())
        assert found.values[f"gini@{k}"] == pytest.approx(slow_gini(counts.tolist()))
        unlike = np.array([slow_diversity(ranked[:k], vectors) for ranked in lists])
        assert_allclose(found.per_question[f"diversity@{k}"], unlike, atol=1e-12)


def test_blocks_change_nothing(case):
    questions, scores, vectors = case
    one = full_corpus(lambda which: scores[which], questions, ks=KS, vectors=vectors, block=1)
    all_ = full_corpus(lambda which: scores[which], questions, ks=KS, vectors=vectors)
    assert one.values == pytest.approx(all_.values, nan_ok=True)


def test_scores_that_say_nothing_reach_what_chance_does():
    n, items = 400, 50
    answers = Ragged(np.arange(n + 1), np.arange(n) % items)
    questions = Questions(items, Ragged.empty(n), answers, Ragged.empty(n), np.arange(n))
    found = full_corpus(lambda which: np.zeros((len(which), items)), questions, ks=(10,))
    assert found.values["recall@10"] == pytest.approx(10 / 50)
    assert found.values["coverage@10"] == pytest.approx(10 / 50)


def test_a_perfect_model_reaches_one(case):
    questions, _, _ = case
    found = full_corpus(
        lambda which: questions.relevant.mask(which, ITEMS).astype(float), questions, ks=(3, 10)
    )
    for name in ("recall_capped@3", "ndcg@3", "ap@3", "mrr", "hit_rate@10", "recall@10"):
        assert found.values[name] == 1.0


def test_seen_items_are_in_no_list(case):
    questions, _, _ = case
    found = full_corpus(
        lambda which: (
            questions.seen.mask(which, ITEMS).astype(float) * 9.0
            + questions.relevant.mask(which, ITEMS)
        ),
        questions,
    )
    assert found.values["mrr"] == 1.0


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros((3, 2)), r"`score` must give the shape \(3, 4\). Received: \(3, 2\)"),
        (np.full((3, 4), np.nan), "`score` must give numbers"),
    ],
)
def test_scores_that_cannot_be_ranked_are_refused(scores, message):
    nothing, answers = Ragged.empty(3), Ragged(np.arange(4), np.array([0, 1, 2]))
    questions = Questions(4, nothing, answers, nothing, np.arange(3))
    with pytest.raises(ValueError, match=message):
        full_corpus(lambda which: scores, questions)
    with pytest.raises(ValueError, match="`ks` must be at least 1"):
        full_corpus(lambda which: scores, questions, ks=(0,))


def test_questions_that_cannot_be_answered_are_refused():
    nothing, answers = Ragged.empty(2), Ragged(np.array([0, 1, 1]), np.array([3]))
    with pytest.raises(ValueError, match="`relevant` must have an item each"):
        Questions(4, nothing, answers, nothing, np.arange(2))
    one = Ragged(np.arange(3), np.array([3, 3]))
    with pytest.raises(ValueError, match="no item that is `seen`"):
        Questions(4, nothing, one, one, np.arange(2))
    with pytest.raises(ValueError, match="must hold items 0 to 2. Received: 3 to 3"):
        Questions(3, nothing, one, nothing, np.arange(2))
    with pytest.raises(ValueError, match="of one length"):
        Questions(4, nothing, one, nothing, np.arange(3))


def test_runs_of_two_protocols_are_not_averaged():
    a, b = (Figures(name, {"ndcg@10": value}, {}) for name, value in (("full", 0.1), ("100", 0.5)))
    with pytest.raises(ValueError, match=r"must be of one protocol. Received: \['100', 'full'\]"):
        spread([a, b])
    assert spread([a, Figures("full", {"ndcg@10": 0.3}, {})])["ndcg@10"] == pytest.approx(
        (0.2, 0.02**0.5)
    )
