import numpy as np
import pytest

from models.evaluation.lists.questions import Questions, asked
from models.evaluation.lists.ragged import Ragged
from models.evaluation.lists.sampled import sampled
from tests.support.slow_lists import slow_figures

N, ITEMS = 300, 20


def questions_of():
    rng = np.random.default_rng(0)
    answers = Ragged(np.arange(N + 1), rng.integers(0, ITEMS, N))
    history = Ragged.of(np.repeat(np.arange(N), 3), rng.integers(0, ITEMS, 3 * N), N)
    return asked(ITEMS, history, answers, np.arange(N))[0]


@pytest.fixture(scope="module")
def questions():
    return questions_of()


def test_figures_are_those_of_the_plain_way_on_the_same_candidates(questions):
    seen = {}

    def score(which, candidates):
        scores = np.sin(candidates * 7.0 + which[:, None])
        seen.update(zip(which.tolist(), zip(candidates, scores, strict=True), strict=True))
        return scores

    found = sampled(score, questions, negatives=9, ks=(3,))
    for q, (candidates, scores) in seen.items():
        ranked = candidates[np.argsort(-scores)].tolist()
        slow = slow_figures(ranked, {int(candidates[0])}, 3)
        for name, value in slow.items():
            assert found.per_question[name][q] == pytest.approx(value)


def test_negatives_are_different_new_and_wrong(questions):
    def score(which, candidates):
        for q, row in zip(which, candidates, strict=True):
            assert row[0] == questions.relevant[q][0]
            assert len(set(row.tolist())) == 10
            assert not set(row.tolist()) & set(questions.history[q].tolist())
        return candidates * 1.0

    sampled(score, questions, negatives=9)


def test_scores_that_say_nothing_reach_what_chance_does(questions):
    found = sampled(lambda q, c: np.zeros(c.shape), questions, negatives=9, ks=(5,))
    assert found.values["hit_rate@5"] == pytest.approx(0.5, abs=0.1)


def test_popular_items_are_drawn_in_proportion():
    n = 4000
    answers = Ragged(np.arange(n + 1), np.zeros(n, np.int64))
    questions = Questions(4, Ragged.empty(n), answers, Ragged.empty(n), np.arange(n))
    drawn = []

    def score(which, candidates):
        drawn.append(candidates[:, 1])
        return candidates * 1.0

    popularity = np.array([100.0, 1.0, 2.0, 5.0])
    sampled(score, questions, negatives=1, by="popularity", popularity=popularity)
    shares = np.bincount(np.concatenate(drawn), minlength=4) / n
    np.testing.assert_allclose(shares, [0, 1 / 8, 2 / 8, 5 / 8], atol=0.03)


def test_the_protocol_is_another(questions):
    found = sampled(lambda q, c: c * 1.0, questions, negatives=9, protocol="leave one out")
    assert found.protocol == "9 sampled, uniform; leave one out"


def test_what_cannot_be_drawn_is_refused(questions):
    with pytest.raises(ValueError, match="`negatives` must be left to draw"):
        sampled(lambda q, c: c * 1.0, questions, negatives=19)
    with pytest.raises(ValueError, match="`by` must be 'uniform', or 'popularity' with"):
        sampled(lambda q, c: c * 1.0, questions, negatives=2, by="popularity")
    two = Ragged(np.array([0, 2]), np.array([0, 1]))
    several = Questions(3, Ragged.empty(1), two, Ragged.empty(1), np.arange(1))
    with pytest.raises(ValueError, match="one right answer each"):
        sampled(lambda q, c: c * 1.0, several)
