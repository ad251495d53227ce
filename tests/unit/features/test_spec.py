"""The spec: consistent with itself, and with errors that say what is wrong."""

import pytest

from features.feature import Feature, View
from features.spec import BY_NAME, FEATURES, VIEWS, features_of, model_inputs, spec_hash
from millstream.errors import ConfigurationError


def test_names_are_unique():
    assert len(BY_NAME) == len(FEATURES)
    inputs = [entry.name for entry in model_inputs()]
    assert len(set(inputs)) == len(inputs)


def test_every_feature_is_in_a_view_that_exists():
    assert {name for view in VIEWS for name in (f.name for f in features_of(view))} == set(BY_NAME)


def test_what_decays_says_as_of_when():
    decaying = {feature.entity for feature in FEATURES if feature.half_life_s}
    assert all(f"{entity}_updated_at" in BY_NAME for entity in decaying)


def test_every_id_input_has_a_table_and_no_other_has():
    assert all((entry.table is not None) == (entry.kind == "id") for entry in model_inputs())


def test_the_items_of_a_history_share_the_table_of_the_candidate():
    tables = {entry.name: entry.table for entry in model_inputs()}
    assert tables["user_recent_items"] == tables["item_id"]


def test_the_hash_changes_with_a_half_life(monkeypatch):
    before = spec_hash()
    changed = Feature("user_events_1h", VIEWS[0], "float32", 0.0, "events", half_life_s=7.0)
    monkeypatch.setattr("features.spec.FEATURES", (*FEATURES[1:], changed))
    assert spec_hash() != before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "clicks"}, "must begin with `user_`. Received: 'clicks'"),
        ({"dtype": "string_list"}, "`length` must be given for a list"),
        ({"length": 3}, "`length` must be given for a list, and only for one"),
        ({"half_life_s": 0.0}, "must be above 0 seconds. Received: 0.0"),
    ],
)
def test_a_feature_that_cannot_work_is_refused(options, message):
    fine = {"name": "user_x", "view": View("v", "user"), "dtype": "float32", "default": 0.0}
    with pytest.raises(ConfigurationError, match=message):
        Feature(**{**fine, **options})
