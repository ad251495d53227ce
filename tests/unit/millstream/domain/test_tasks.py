"""Tasks of a domain file: what they say, what is refused, and what a change of them does."""

import pytest

from millstream.domain.changes import changes
from millstream.domain.current import TEMPLATES
from millstream.domain.reading import checked, read_domain

CLICK = {"positives": ["click", "like"]}
ENDS = {"kind": "multiclass", "classes": {"left": [], "met": ["click"], "liked": ["like"]}}
STARS = {"kind": "regression", "numbers": ["rating"], "scale": 5.0, "window": "7d"}


def read(given):
    domain, faults = checked(given)
    assert faults == []
    return domain


def faults_of(films, **tasks):
    return checked({**films, "tasks": tasks})[1]


def test_a_domain_without_tasks_has_the_one_of_its_kinds(films):
    assert read(films).tasks == {} and read(films).task_names() == ("positive",)


def test_tasks_stand_in_their_order_with_windows_of_their_own(films):
    films["tasks"] = {"stars": STARS, "click": CLICK}
    domain = read(films)
    assert domain.task_names() == ("stars", "click")
    assert [task.window for task in domain.tasks.values()] == [604_800.0, None]
    assert domain.tasks["stars"].labelled("rating", 4.0) == 0.8
    assert domain.tasks["stars"].labelled("rating", None) is None


def test_the_shop_learns_clicks_carts_and_purchases():
    shop = read_domain(TEMPLATES / "shop")
    assert shop.task_names() == ("click", "cart", "purchase")
    said = {name: task.labelled("purchase", 9.0) for name, task in shop.tasks.items()}
    assert said == {"click": 1.0, "cart": 1.0, "purchase": 1.0}
    assert shop.tasks["cart"].labelled("remove_from_cart", None) == 0.0
    assert shop.tasks["purchase"].labelled("view", None) is None


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        ({"positives": ["clik"]}, "`tasks.t.positives` must be one of the kinds (view, click,"),
        ({"kind": "ordinal", "positives": ["click"]}, "`tasks.t.kind` must be 'binary', "),
        (
            {"kind": "multiclass", "positives": ["click"]},
            "`tasks.t` must be a multiclass task with",
        ),
        ({**ENDS, "classes": {"a": ["click"]}}, "`tasks.t` must be a multiclass task with two"),
        ({**ENDS, "classes": {"a": [], "b": []}}, "`tasks.t` must be `classes` of which one at"),
        ({**ENDS, "classes": {"a": ["like"], "b": ["like"]}}, "`tasks.t` must be `classes` with"),
        ({**ENDS, "corrected_for": "9d"}, "`tasks.t` must be a multiclass task without `correct"),
        (ENDS, "`tasks.t` must be after a binary or regression task: lists are ranked by the"),
        ({}, "`tasks.t` must be a binary task with `positives`, no `numbers` and no `classes`."),
        ({"kind": "regression"}, "`tasks.t` must be a regression task with `numbers`, no "),
        ({**CLICK, "negatives": ["like"]}, "`tasks.t` must be `positives` other than `negatives`,"),
        ({**CLICK, "label_from": {"rating": 4.0}}, "`tasks.t` must be `label_from` of kinds among"),
        ({**CLICK, "corrected_for": "1d"}, "`tasks.t` must be `corrected_for` longer than a `wi"),
        ({**STARS, "corrected_for": "9d"}, "`tasks.t` must be a regression task without `correct"),
        ({**CLICK, "weight": 0.0}, "`tasks.t.weight` must be above 0"),
        ({**CLICK, "wieght": 1.0}, "`tasks.t.wieght` must be a key that this table has; did you"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(films, task, fault):
    (found,) = faults_of(films, t=task)
    assert found.startswith(fault)


def test_a_class_is_the_place_of_the_kinds_that_say_so(films):
    films["tasks"] = {"click": CLICK, "end": ENDS}
    domain = read(films)
    end = domain.tasks["end"]
    assert [end.labelled(kind, None) for kind in ("click", "like", "skip")] == [1.0, 2.0, None]
    assert end.unanswered == 0.0 and domain.tasks["click"].unanswered == 0.0
    assert domain.outputs() == ("click", "end.left", "end.met", "end.liked")
    films["tasks"]["end"] = {"kind": "multiclass", "classes": {"a": ["click"], "b": ["like"]}}
    assert read(films).tasks["end"].unanswered is None


def test_a_formula_names_the_probability_of_a_class(films):
    films["tasks"] = {"click": CLICK, "end": ENDS}
    films["score"] = {"formula": "click + 2 * end.liked"}
    assert read(films).formula_of() == "click + 2 * end.liked"
    for wrong in ("end", "end.lost", "ends.liked"):
        films["score"] = {"formula": f"click + {wrong}"}
        (fault,) = checked(films)[1]
        assert fault.startswith("`score.formula` must be a formula over tasks")
        assert "did you mean `end." in fault
    films["tasks"]["end"] = {**ENDS, "classes": {"left": [], "met": ["clik"]}}
    films["score"] = {"formula": "click"}
    (fault,) = checked(films)[1]
    assert fault.startswith("`tasks.end.classes.met` must be one of the kinds (")
    films["tasks"]["end"] = ENDS
    films["score"], films["tasks"]["user"] = {"formula": "click"}, films["tasks"].pop("end")
    (fault,) = checked(films)[1]
    assert fault.startswith("`tasks.user` must be of a name other than `user` and `item`")


def test_a_plan_says_what_a_change_of_tasks_does(films):
    before = read(films)
    films["tasks"] = {"click": dict(CLICK), "stars": dict(STARS)}
    lines = {change.path: change for change in changes(before, read(films))}
    assert lines["tasks"].line() == "+ tasks: first click"
    assert lines["tasks.stars"].line() == (
        "+ tasks.stars: kind regression, numbers rating, scale 5.0, window 7d"
    )
    assert set(lines["tasks.stars"].does) == {"examples", "models"}
    with_both = read(films)
    films["tasks"]["click"]["weight"] = 2.0
    (weighed,) = changes(with_both, read(films))
    assert set(weighed.does) == {"models"} and "weigh its examples" in weighed.does["models"]
