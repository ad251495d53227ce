import pytest

from features.entity_rule import ITEM_RULE, USER_RULE
from features.history import History, add
from features.rows import arrow_type, value_columns
from features.spec import BY_NAME, DAY_S, ITEM_STATS, USER_ATTRIBUTES, USER_STATS, features_of
from features.update import Update

START = 1.7e9


def user_columns(*states, times=None):
    return USER_RULE.arrow(USER_RULE.states_of(states), times)


def item_columns(*states):
    return ITEM_RULE.arrow(ITEM_RULE.states_of(states))


def user_state():
    history = History(USER_RULE.empty)
    for order, item in enumerate("ab"):
        update = Update(START, order, item == "a", item, (("drama", f"only-{item}"),))
        add(USER_RULE, [history], [update], 10.0)
    return history.newest


def test_the_columns_are_those_of_the_spec_in_name_and_type():
    item = History(ITEM_RULE.empty)
    add(ITEM_RULE, [item], [Update(START, 0, True, "i")], 10.0)
    for view, columns in (
        (USER_STATS, user_columns(user_state())),
        (ITEM_STATS, item_columns(item.newest)),
    ):
        assert {name: column.type for name, column in columns.items()} == {
            feature.name: arrow_type(feature) for feature in features_of(view)
        }


def test_a_row_holds_the_point_s_values():
    row = {name: column[0].as_py() for name, column in user_columns(user_state()).items()}
    assert row["user_updated_at"] == START
    assert row["user_events_1h"] == 2.0
    assert row["user_positives_30d"] == 1.0
    assert row["user_recent_items"] == ["b", "a"]
    assert row["user_categories"] == ["drama", "only-a", "only-b"]
    assert row["user_category_events"] == [2.0, 1.0, 1.0]
    assert row["user_category_positives"] == [1.0, 1.0, 0.0]


def test_values_as_of_a_later_time_have_decayed_and_say_so_by_their_own_age():
    later = user_columns(USER_RULE.empty, user_state(), times=[START, START + 30 * DAY_S])
    assert later["user_events_30d"].to_pylist() == [0.0, 1.0]
    assert later["user_category_events"].to_pylist() == [[], [1.0, 0.5, 0.5]]
    assert later["user_updated_at"].to_pylist() == [0.0, START]


def test_no_rows_are_columns_without_rows():
    assert all(len(column) == 0 for column in user_columns().values())
    assert all(len(column) == 0 for column in item_columns().values())


def test_what_a_row_lacks_is_the_default():
    columns = value_columns([{"user_age": 30.0}, {}], features_of(USER_ATTRIBUTES))
    assert columns["user_age"].to_pylist() == [30.0, BY_NAME["user_age"].default]
    assert columns["user_gender"].to_pylist() == ["", ""]


@pytest.mark.parametrize("name", BY_NAME)
def test_every_feature_has_a_column_type(name):
    assert arrow_type(BY_NAME[name]) is not None
