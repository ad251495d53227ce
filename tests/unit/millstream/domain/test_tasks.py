"""Tasks of a domain file: what they say, what is refused, and what a change of them does."""

import pytest

from millstream.domain.changes import changes
from millstream.domain.current import TEMPLATES
from millstream.domain.reading import checked, read_domain

CLICK = {"positives": ["click", "like"]}
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
        ({"kind": "multiclass", "positives": ["click"]}, "`tasks.t.kind` must be `binary` or "),
        ({}, "`tasks.t` must be a binary task with `positives` and without `numbers`."),
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
