"""Ids as row numbers: what is known comes from training rows alone."""

import numpy as np
import pytest

from millstream.errors import DatasetError
from models.evaluation.dataset import Dataset
from models.evaluation.encoded import encoded
from models.evaluation.vocabulary import PADDING, UNSEEN, Vocabulary
from models.fields import Field


def test_every_known_key_has_a_row_of_its_own_and_all_others_share_one():
    vocabulary = Vocabulary(np.array([30, 10, 10, 20]))
    rows = vocabulary.look_up(np.array([10, 20, 30, 5, 15, 99]))
    assert rows[:3].tolist() == [2, 3, 4]
    assert set(rows[3:]) == {UNSEEN}
    assert vocabulary.rows == 5


def test_padding_stays_padding_and_is_no_key():
    vocabulary = Vocabulary(np.array([[0, 0], [7, 0]]))
    assert vocabulary.look_up(np.array([[7, 0]])).tolist() == [[2, PADDING]]
    assert vocabulary.rows == 3


def test_rare_keys_are_not_known():
    vocabulary = Vocabulary(np.array([1, 1, 2]), min_count=2)
    assert vocabulary.look_up(np.array([1, 2])).tolist() == [2, UNSEEN]


def test_nothing_is_known_without_keys():
    assert Vocabulary(np.empty(0, int)).look_up(np.array([4, 0])).tolist() == [UNSEEN, PADDING]


def test_only_training_rows_decide_what_is_known(dataset):
    known = np.flatnonzero(dataset.columns["user"] != 5)
    fields, rows = encoded(dataset, known, width=8)
    is_five = dataset.columns["user"] == 5
    assert set(rows.x["user"][is_five]) == {UNSEEN}
    assert UNSEEN not in rows.x["user"][~is_five]
    assert {f.name: f.rows for f in fields if f.is_id}["user"] == 19 + 2


def test_fields_of_one_table_share_their_rows(dataset):
    fields, rows = encoded(dataset, np.arange(len(dataset)), width=8)
    by_key = dict(zip(dataset.columns["item"], rows.x["item"], strict=True))
    for keys, found in zip(dataset.columns["recent"], rows.x["recent"], strict=True):
        assert [by_key.get(key, 0) for key in keys] == found.tolist()
    sizes = {f.name: (f.width, f.rows) for f in fields if f.is_id}
    assert sizes["item"] == sizes["recent"] == (8, 32)


def test_a_row_of_another_dataset_gives_another_digest(make):
    dataset = make(100)
    assert dataset.digest == make(100).digest
    for name in dataset.columns:
        other = make(100)
        other.columns[name][7] += 1
        assert other.digest != dataset.digest, name
    assert make(100, times=None).digest != dataset.digest


@pytest.mark.parametrize(
    ("columns", "labels", "message"),
    [
        ({}, [0.0], r"Column 'a' of dataset 'd' must have the shape \(1,\). Received: None"),
        ({"a": np.zeros(2)}, [0.0], r"must have the shape \(1,\). Received: \(2,\)"),
        ({"a": np.zeros(1)}, [0.5], "Labels of dataset 'd' must be 0 or 1"),
        ({"a": np.zeros(0)}, [], "Dataset 'd' must have rows"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns, labels, message):
    with pytest.raises(DatasetError, match=message):
        Dataset("d", (Field("a"),), columns, np.array(labels))
