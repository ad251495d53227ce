"""What lists are ranked by: a formula over the ranker's scores, changeable while lists are made."""

import numpy as np
import pytest

from millstream.domain import domain
from millstream.domain.applied import record
from millstream.domain.current import TEMPLATES
from millstream.domain.formula import formula
from millstream.domain.placements import Placement
from millstream.domain.score import Score
from serving.consumers.score_follower import ScoreFollower
from serving.recommend.objectives import Objectives
from serving.recommend.query import Query
from tests.support.serving_cases import NOW_S, Case, upsert


def declared(text=None, **placements):
    score = Score(formula=text) if text else None
    named = {name: Placement(score=each) for name, each in placements.items()}
    return domain().model_copy(update={"score": score, "placements": named})


def scored(text, by_task, **item):
    arrays = {f"item_{name}": np.array(values) for name, values in item.items()}
    user = {"user_age": np.array([30.0], np.float32)}
    return Objectives(declared(text))[""].scores(by_task, arrays, user, NOW_S)


def test_it_is_computed_from_tasks_items_and_the_user():
    found = scored(
        "positive * log1p(item.release_year) + user.age",
        {"positive": np.array([0.1, 0.9])},
        release_year=[1999.0, 2001.0],
    )
    assert found == pytest.approx([0.1 * np.log(2000) + 30, 0.9 * np.log(2002) + 30])


def test_a_time_is_the_seconds_since_and_what_never_was_is_a_year_ago():
    found = scored(
        "item.created_at + 0 * positive",
        {"positive": np.zeros(3)},
        created_at=[NOW_S - 60.0, NOW_S + 5.0, 0.0],
    )
    assert found.tolist() == [60.0, 0.0, 365 * 86_400.0]


def test_what_cannot_be_computed_stands_behind_all_others():
    found = scored(
        "positive / item.release_year",
        {"positive": np.array([1.0, -3.0, 0.0, 2.0])},
        release_year=[0.0, 1.0, 0.0, 1.0],
    )
    assert np.argsort(-found, kind="stable").tolist()[:2] == [3, 1]
    assert np.isfinite(found).all() and found[[0, 2]].max() < -3.0
    assert scored("positive / 0", {"positive": np.ones(2)}) is None


async def test_a_list_is_ranked_by_it_and_names_its_version():
    case = Case(declared=declared("positive * item.release_year", other="0 - positive"))
    case.catalogue.upsert([upsert("7", title="Seven", attributes={"release_year": 2000.0})])
    first = await case.recommender.recommend(Query("u", 3, explain=True))
    assert first.items[0].item_id == "7"
    assert first.items[0].score == pytest.approx(2000 * first.items[0].task_scores["positive"])
    assert first.degraded == []
    assert case.logged[0].score_version == formula("positive * item.release_year").version
    case.objectives.take(declared("0 - positive"))
    second = await case.recommender.recommend(Query("u", 3))
    assert second.items[0].item_id != "7" and second.score_version == formula("0-positive").version
    assert second.items[0].score <= 0.0


async def test_where_it_cannot_be_computed_the_first_task_ranks_and_the_answer_says_so():
    plain = await Case().recommender.recommend(Query("u", 5))
    case = Case(declared=declared("positive / 0"))
    answer = await case.recommender.recommend(Query("u", 5))
    assert (answer.degraded, answer.score_version) == (["score"], "")
    assert [i.item_id for i in answer.items] == [i.item_id for i in plain.items]


def test_formulas_of_placements_stand_before_that_of_all():
    found = Objectives(declared("positive", home="2 * positive", default="3 * positive"))
    texts = {name: found[name].formula.text for name in ("", "home", "default")}
    assert texts == {"": "3 * positive", "home": "2 * positive", "default": "3 * positive"}
    assert Objectives(declared())[""] is None


def test_a_formula_of_names_that_this_process_has_not_is_not_taken():
    found = Objectives(declared("positive"))
    more = declared("positive * item.price")
    assert found.take(more) == [
        "`score.formula` names `item.price`, which the domain of this process has not"
    ]
    assert found[""].formula.text == "positive"


def test_what_is_applied_holds_from_then_on_and_after_a_restart(tmp_path, caplog):
    def apply(text, name="films"):
        project = tmp_path / "project"
        project.mkdir(exist_ok=True)
        lines = (TEMPLATES / "films" / "domain.toml").read_text()
        lines = lines.replace('name = "films"', f'name = "{name}"', 1)
        (project / "domain.toml").write_text(f'{lines}\n[score]\nformula = "{text}"\n')
        record(tmp_path, project, NOW_S)

    found = Objectives(declared())
    follower = ScoreFollower(tmp_path, found, domain())
    follower.look()
    assert found.versions == {}
    apply("positive * item.popularity")
    follower.look()
    assert found[""].formula.text == "positive * item.popularity"
    after_restart = Objectives(declared())
    ScoreFollower(tmp_path, after_restart, domain()).look()
    assert after_restart.versions == found.versions
    apply("user.age", name="another")
    follower.look()
    (tmp_path / "applied-domain.json").write_text("{")
    follower.look()
    assert "The score stays as it is" in caplog.text
    assert found.versions == after_restart.versions
