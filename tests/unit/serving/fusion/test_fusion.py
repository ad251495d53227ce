"""The fused order is taken while it is better than the ranker's, and not before."""

import json

import numpy as np
import pytest

from serving.fusion.evidence import COLUMNS
from serving.fusion.fusion import LEAST_QUESTIONS, Fusion, dealt
from serving.fusion.kept import FILE_NAME, kept_fusion

COUNTER = COLUMNS.index("counter")


def asked(fusion, questions, column, seed=0):
    """Teach it that what is best by one column is chosen."""
    rng = np.random.default_rng(seed)
    for _ in range(questions):
        evidence = rng.normal(size=(60, len(COLUMNS)))
        fusion.learn(evidence, int(evidence[:, column].argmax()))


def test_before_anything_is_learnt_the_order_is_the_rankers():
    fusion = Fusion()
    evidence = np.random.default_rng(1).normal(size=(30, len(COLUMNS)))
    assert np.argsort(fusion.scores(evidence)).tolist() == np.argsort(evidence[:, 0]).tolist()
    assert not fusion.is_better


def test_it_is_taken_once_it_has_been_better_for_long_enough():
    fusion = Fusion()
    asked(fusion, LEAST_QUESTIONS - 1, COUNTER)
    before = fusion.is_better
    asked(fusion, 1, COUNTER, seed=1)
    assert (before, fusion.is_better) == (False, True)
    assert 0.0 < fusion.ahead <= 1.0


def test_where_the_ranker_is_right_nothing_is_better_and_it_stays():
    fusion = Fusion()
    asked(fusion, 3 * LEAST_QUESTIONS, 0)
    assert fusion.ahead <= 0.0
    assert not fusion.is_better


def test_it_is_given_up_when_the_ranker_is_the_better_one_again():
    fusion = Fusion()
    asked(fusion, 2 * LEAST_QUESTIONS, COUNTER)
    was_better = fusion.is_better
    rng = np.random.default_rng(2)
    while fusion.is_better and fusion.model.questions < 4_000:
        evidence = rng.normal(size=(60, len(COLUMNS)))
        at = int(evidence[:, 0].argmax())
        evidence[at, 1:] = -9.0 * np.sign([fusion.model.weight(name) for name in COLUMNS[1:]])
        fusion.learn(evidence, at)
    assert (was_better, fusion.is_better) == (True, False)


def test_one_that_is_not_allowed_learns_and_is_never_taken():
    fusion = Fusion(is_allowed=False)
    asked(fusion, 2 * LEAST_QUESTIONS, COUNTER)
    assert fusion.ahead > 0.0 and not fusion.is_better


def test_scores_that_are_dealt_anew_are_the_same_ones_in_the_order_wanted():
    rng = np.random.default_rng(3)
    scores, by = rng.uniform(size=40), rng.normal(size=40)
    found = dealt(scores, by)
    assert sorted(found) == sorted(scores)
    assert np.argsort(-found).tolist() == np.argsort(-by).tolist()


def test_a_restart_goes_on_from_what_was_kept(tmp_path):
    fusion = Fusion()
    asked(fusion, 150, COUNTER)
    kept_fusion(fusion, tmp_path).write()
    again = Fusion()
    kept_fusion(again, tmp_path).read()
    assert again.state() == fusion.state() and again.is_better
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"ahead": 1}', b"\xff"])
def test_a_damaged_file_is_said_and_begins_anew(tmp_path, caplog, content):
    path = tmp_path / FILE_NAME
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    fusion = Fusion()
    kept_fusion(fusion, tmp_path).read()
    assert fusion.state() == Fusion().state()
    assert "learnt anew" in caplog.text


def test_a_folder_that_cannot_be_written_to_is_said_once(tmp_path, caplog):
    fusion = Fusion()
    kept = kept_fusion(fusion, tmp_path / "not there")
    for seed in range(2):
        asked(fusion, 1, COUNTER, seed)
        kept.write()
    assert caplog.text.count("is not kept") == 1


def test_nothing_is_written_where_nothing_was_learnt(tmp_path):
    fusion = Fusion()
    asked(fusion, 5, COUNTER)
    kept_fusion(fusion, tmp_path).write()
    (tmp_path / FILE_NAME).write_text(json.dumps(fusion.state()))
    again = Fusion()
    kept = kept_fusion(again, tmp_path)
    kept.read()
    (tmp_path / FILE_NAME).unlink()
    kept.write()
    assert not (tmp_path / FILE_NAME).exists()
