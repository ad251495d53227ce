import numpy as np
import pytest

from millstream.errors import ConfigurationError
from models.fields import Field
from models.losses.sampled_softmax import sampled_softmax
from models.retrieval.comirec import comirec
from models.retrieval.dual_augmented import dual_augmented
from models.retrieval.interests import nearest_interest
from models.retrieval.objective import Objective
from models.retrieval.sides import history_of

RNG = np.random.default_rng(0)
QUERIES = RNG.normal(size=(2, 3)).astype(np.float32)
CANDIDATES = RNG.normal(size=(4, 3)).astype(np.float32)
IDS, LOG_Q = np.arange(1, 5), np.full(4, -0.5, np.float32)
WEIGHTS = np.array([1.0, 3.0], np.float32)
ITEM = Field("item_id", width=4, belongs_to="item")
RECENT = Field("recent", width=4, length=3, shared_with="item_id", belongs_to="user")


def test_the_loss_is_the_softmax_and_what_the_paper_adds():
    def added(query, candidate, weights):
        return 2.0 * query["query"][0, 0] + candidate["candidate_own"][1] + weights[1]

    plain, own = Objective(0.3, hard_negatives=2), np.arange(4, dtype=np.float32)
    given = ({"query": QUERIES}, {"candidate": CANDIDATES, "candidate_own": own})
    expected = sampled_softmax(
        QUERIES, CANDIDATES, IDS, LOG_Q, temperature=0.3, hard_negatives=2, weights=WEIGHTS
    )
    assert float(plain(*given, IDS, LOG_Q, WEIGHTS)) == pytest.approx(float(expected))
    more = Objective(0.3, hard_negatives=2, auxiliary=added)(*given, IDS, LOG_Q, WEIGHTS)
    assert float(more) == pytest.approx(float(expected) + 2.0 * QUERIES[0, 0] + 4.0, rel=1e-5)


def test_each_query_of_several_interests_is_the_one_that_its_own_positive_selects():
    interests = RNG.normal(size=(2, 5, 3)).astype(np.float32)
    chosen = Objective(select=nearest_interest).queries(
        {"query": interests}, {"candidate": CANDIDATES}
    )
    best = np.einsum("bkd,bd->bk", interests, CANDIDATES[:2]).argmax(axis=1)
    np.testing.assert_allclose(chosen, interests[np.arange(2), best], rtol=1e-6)


@pytest.mark.parametrize("given", [{"temperature": 0.0}, {"hard_negatives": 0}])
def test_what_cannot_be_is_refused(given):
    with pytest.raises(ConfigurationError, match=f"Received: {next(iter(given.values()))}"):
        Objective(**given)


def test_a_history_is_the_list_that_shares_the_items_table():
    other = Field("categories", width=4, length=3, belongs_to="user")
    assert history_of([other, RECENT, ITEM]) == (RECENT, ITEM)
    with pytest.raises(ConfigurationError, match=r"must have one list of the user .*\[\]"):
        history_of([other, ITEM])


def test_an_id_that_is_not_there_and_an_unknown_extractor_are_refused():
    with pytest.raises(ConfigurationError, match="Received: 'user_id'"):
        dual_augmented([RECENT, ITEM])
    with pytest.raises(ConfigurationError, match=r"\['attention', 'routing'\]. Received: 'x'"):
        comirec([RECENT, ITEM], extractor="x")  # type: ignore[arg-type]
