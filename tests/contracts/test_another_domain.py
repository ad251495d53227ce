"""The package knows no domain: with another file, every name is another, and the loop runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from features.spec import FEATURES

# Importing TensorFlow on a busy machine takes a while.
pytestmark = pytest.mark.timeout(600)

PODCASTS = Path(__file__).parents[1] / "support" / "podcasts"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Events, stream, features, trainer, snapshot and a list, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.podcast_loop", str(tmp_path_factory.mktemp("run"))],
        env={**os.environ, "MILLSTREAM_PROJECT": str(PODCASTS)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_feature_is_that_of_the_domain(found):
    columns = set(found["columns"])
    assert {
        "user_subscriptions_9d",
        "item_listeners_20m",
        "item_before",
        "item_aired_at",
    } <= columns
    of_films = {feature.name for feature in FEATURES} - {"user_updated_at", "item_updated_at"}
    assert not columns & of_films
    assert {"topic_affinity", "before_familiarity", "user_subscription_rate"} <= {*found["inputs"]}
    assert found["logged"] == sorted(columns)


def test_a_model_learns_from_it_and_ranks(found):
    assert found["refused examples"] == []
    assert found["model"] != "" and found["degraded"] == []
    assert found["title"].startswith("Show number")


def test_each_task_has_a_score_and_learns_from_what_is_done_with_a_list(found):
    """Heard for 1.5 half minutes, then subscribed to: each task has its first answer."""
    classes = [f"end.{each}" for each in ("nothing", "dropped", "heard", "kept")]
    scores = found["task scores"]
    assert list(scores) == ["subscribed", "heard", "half_minutes", *classes]
    assert 0.0 < scores["heard"] < 1.0
    assert sum(scores[each] for each in classes) == pytest.approx(1.0)
    assert sorted(found["taught"]) == [
        ["end", 2.0, 2.0],
        ["half_minutes", 1.5, 2.0],
        ["heard", 1.0, 2.0],
        ["subscribed", 1.0, 4.0],
    ]


def test_what_was_heard_is_seen_and_what_was_abandoned_is_not(found):
    """`u0` has heard i0 and i2 and left i1; all but the first two are a list of six."""
    assert found["heard"] == ["i2", "i0"]
    assert found["fresh"] == ["i1", "i3", "i4", "i5", "i6", "i7"]


def test_each_of_the_recent_items_has_its_time_which_models_take(found):
    """`u0` subscribed to i2 ten seconds after having heard i0."""
    assert found["heard at"] == [20.0, 10.0]
    assert "user_heard_times" in found["inputs"]


def test_a_feature_of_the_projects_own_python_is_kept_served_and_learnt_from(found):
    """The longest that `u0` listened is half a minute and a second."""
    assert found["longest"] == 31.0
    assert "user_longest" in found["inputs"]


def test_a_placement_has_sources_filters_and_a_seen_policy_of_its_own(found):
    """`u0` has subscribed to i2, which counts for an hour, and up to a quarter of it longer."""
    assert set(found["again"]) == {"i0", "i2", "i4", "i6"} and found["sources"] == ["recent"]
    within, after = found["not subscribed"]
    assert within == ["i0", "i1", "i3", "i4", "i5", "i6", "i7"]
    assert after == ["i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7"]


def test_training_sees_the_context_that_serving_saw(found):
    """Every input is that of the list; a text is cut, and the placement's name is one."""
    of_list = found["context"]
    assert of_list["learnt"] == ["impression"] * 3  # of the tasks that a subscription teaches
    assert of_list["differ"] == []
    for name in ("device", "placement"):
        assert len(set(of_list[name])) == 1


def test_vectors_of_users_and_items_are_inputs_as_they_are(found):
    assert found["context"]["vectors"] == [[1.0, 0.5], [1.0, -2.0]]
    path, reason = found["no vector"]
    assert path == "$.attributes.voice"
    assert reason.startswith("Expected 3 finite float32 for feature 'item_voice'. Received: [0.5")


def test_an_event_without_a_list_has_its_own_context_and_so_have_its_negatives(found):
    """Those of u0 came from a phone; nobody else says, which is the default."""
    others = {f"u{n}": ["unknown"] for n in range(1, 6)}
    assert found["organic devices"] == {"u0": ["phone"], **others}


def test_an_item_is_in_lists_index_and_draws_within_its_time_alone(found):
    """i7 leaves after two hours, i8 opens after three, i9 is not licensed; no event says so."""
    always = [f"i{n}" for n in range(7)]
    for expected, at in zip(
        ([*always, "i7"], always, [*always, "i8"]), found["available"], strict=True
    ):
        assert at == [expected, expected, expected]
    assert found["remembered"] == [*always, "i8", "i9"]


def test_a_truth_is_an_attribute_that_lists_can_be_filtered_by(found):
    assert found["explicit"] == ["i0", "i2", "i4", "i6"]
    assert {"explicit", "aired_at", "listeners_2d"} <= {*found["rangeable"]}
    assert "episode" not in found["rangeable"]


def test_a_text_that_is_filterable_is_asked_for_by_its_values(found):
    assert found["choosable"] == ["language"]
    assert found["english"] == [f"i{n}" for n in range(7)]


def test_the_clock_is_that_of_the_time_zone(found):
    """1,750,000,000 is Sunday, 15 June 2025, 15:06:40 UTC: 20:36 in India."""
    assert found["clock"] == [21, 4]


def test_the_door_speaks_of_the_domain(found):
    path, reason = found["no kind"]
    assert path == "$.kind"
    assert reason == (
        "Expected one of the kinds listen, subscribe, abandon. "
        "Received: 'lisen' (did you mean `listen`?)"
    )
    assert found["no value"] == [
        "$.value",
        "Expected a number (seconds) for kind 'listen'. Received: null",
    ]
    assert found["no attribute"][0] == "$.attributes.release_year"
    assert "Expected true or false" in found["no truth"][1]


def test_the_demo_makes_a_log_in_the_words_of_the_domain(found):
    """Every kind, every type of attribute, and every field of the context, taken as it is."""
    kinds = ["abandon", "listen", "subscribe"]
    assert found["made"] == {"kinds": kinds, "as sent": True, "devices": [2]}


def test_a_sensitive_value_is_not_quoted(found):
    path, reason = found["sensitive"]
    assert path == "$.attributes.language"
    assert "secret" not in reason and "Received: a list, which is sensitive" in reason
