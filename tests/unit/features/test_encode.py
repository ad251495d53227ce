"""Raw values to model inputs: the same from Arrow and from dicts, and by hand."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import derived
from features import encode as encoding
from features.columns import arrays_from_rows, arrays_from_table, keys_from_strings, padded
from features.encode import encode, encode_context, encode_cross, encode_entity
from features.feature import Feature
from features.spec import BY_NAME, FEATURES, USER_STATS, model_inputs
from millstream.ids import id64

T = 1_700_000_000.0
ROWS: list[dict[str, Any]] = [
    {
        "user_updated_at": T - 3600.0,
        "user_events_30d": 6.0,
        "user_positives_30d": 3.0,
        "user_recent_items": ["7", "x"],
        "user_categories": ["drama", "war"],
        "user_category_events": [3.0, 1.0],
        "user_category_positives": [2.0, 1.0],
        "user_gender": "F",
        "user_age": 30.0,
        "item_categories": ["war", "drama", "noir"],
        "item_events_1h": 1.0,
    },
    {"item_categories": ["noir"]},
    {},
]


def table():
    types = {
        "float32": pa.float32(),
        "float64": pa.float64(),
        "string": pa.string(),
        "string_list": pa.list_(pa.string()),
        "float32_list": pa.list_(pa.float32()),
    }
    schema = pa.schema([(feature.name, types[feature.dtype]) for feature in FEATURES])
    return pa.Table.from_pylist(ROWS, schema=schema)


def encoded(rows=ROWS):
    features = arrays_from_rows(rows, FEATURES)
    ids = {"user_id": np.array([1, 2, 3]), "item_id": np.array([4, 5, 6])}
    return encode(ids, features, np.full(3, T))


def test_arrow_and_dicts_become_the_same_arrays():
    from_table, from_rows = arrays_from_table(table(), FEATURES), arrays_from_rows(ROWS, FEATURES)
    assert from_table.keys() == from_rows.keys()
    for name, array in from_rows.items():
        np.testing.assert_array_equal(from_table[name], array, err_msg=name)
        assert from_table[name].dtype == array.dtype, name


def test_a_chunked_and_sliced_table_keeps_its_rows():
    whole = table()
    pieces = pa.concat_tables([whole.slice(0, 1), whole.slice(1, 2)])
    for name, array in arrays_from_table(whole, FEATURES).items():
        np.testing.assert_array_equal(arrays_from_table(pieces, FEATURES)[name], array)
        np.testing.assert_array_equal(arrays_from_table(whole.slice(1), FEATURES)[name], array[1:])


def test_every_model_input_is_made_with_its_shape_and_type():
    inputs = encoded()
    assert inputs.keys() == {entry.name for entry in model_inputs()}
    for entry in model_inputs():
        shape = (3,) if entry.length is None else (3, entry.length)
        assert inputs[entry.name].shape == shape, entry.name
        assert inputs[entry.name].dtype == (np.int64 if entry.kind == "id" else np.float32)


def test_values_are_what_a_hand_computes():
    inputs = encoded()
    assert inputs["user_gender"][0] == id64("F")
    assert inputs["user_recent_items"][0, :3].tolist() == [8, id64("x"), 0]
    assert inputs["item_events_1h"][0] == pytest.approx(np.log(2.0))
    assert inputs["user_updated_at"][0] == pytest.approx(np.log(2.0) / 10)
    assert inputs["user_positive_rate"][0] == pytest.approx((3 + 2) / (6 + 4))
    assert inputs["category_affinity"][0] == pytest.approx((2 + 1 + 2) / (3 + 1 + 4))
    assert inputs["category_familiarity"][0] == pytest.approx(np.log(5.0))


def test_times_of_a_list_are_taken_by_how_long_ago_each_was(monkeypatch):
    met = Feature("user_met", USER_STATS, "float64_list", default=(), length=3, encoding="age")
    monkeypatch.setitem(encoding._ENCODED, "user", (met,))
    monkeypatch.setitem(encoding._DERIVED, "user", [])
    times = arrays_from_rows([{"user_met": (T, T - 3600.0)}, {"user_met": (T,)}], [met])
    found = encode_entity("user", np.array([1, 2]), times, np.array([T, T + 7200.0]))["user_met"]
    never = np.log(365 * 24 + 1)
    hours = np.array([[0.0, np.log(2.0), never], [np.log(3.0), never, never]])
    np.testing.assert_allclose(found, hours / 10, rtol=1e-6)
    assert found.dtype == np.float32


def test_missing_values_do_not_match_one_another():
    inputs = encoded()
    assert inputs["category_familiarity"][2] == 0.0


def test_one_user_against_many_items_equals_the_rows_one_by_one():
    rows = [{**ROWS[0], "item_categories": row.get("item_categories", ())} for row in ROWS]
    aligned = encoded(rows)
    user = arrays_from_rows(ROWS[:1], [f for f in FEATURES if f.entity == "user"])
    item = arrays_from_rows(ROWS, [f for f in FEATURES if f.entity == "item"])
    for name, values in encode_cross(user, item).items():
        np.testing.assert_array_equal(values, aligned[name])
    one = encode_entity("user", np.array([1]), user, T)
    np.testing.assert_array_equal(one["user_positive_rate"], aligned["user_positive_rate"][:1])


def test_hours_and_days_leave_zero_for_padding():
    hours = encode_context(np.arange(48) * 3600.0, {})
    assert (hours["hour_of_day"].min(), hours["hour_of_day"].max()) == (1, 24)
    assert set(derived.day_of_week(np.arange(14) * 86_400.0)) == set(range(1, 8))


def test_null_and_empty_strings_are_padding():
    assert keys_from_strings(pa.array(["a", None, ""])).tolist() == [id64("a"), 0, 0]


def test_long_lists_are_cut_and_no_rows_are_no_rows():
    assert padded(np.arange(5), np.array([5]), 2).tolist() == [[0, 1]]
    assert padded(np.arange(1, 3), np.array([2]), 4).tolist() == [[1, 2, 0, 0]]
    assert padded(np.arange(0), np.array([0]), 2).tolist() == [[0, 0]]
    assert arrays_from_rows([], [BY_NAME["user_recent_items"]])["user_recent_items"].shape == (
        0,
        20,
    )


YEARS = (-1e30, -1_000.0, 0.0, 1977.0, 3_000.0, 1e13, 3e38, float("nan"))


def test_a_number_that_is_far_out_counts_as_the_bound():
    rows = [{"item_release_year": year, "user_age": year} for year in YEARS]
    ids = np.arange(len(rows))
    features = arrays_from_rows(rows, FEATURES)
    found = encode({"user_id": ids, "item_id": ids}, features, np.full(len(rows), T))
    years = [-0.5, -0.5, 0.0, 1977.0 / 2000.0, 1.5, 1.5, 1.5, -0.5]
    np.testing.assert_array_equal(found["item_release_year"], np.array(years, np.float32))
    ages = [0.0, 0.0, 0.0, 1.5, 1.5, 1.5, 1.5, 0.0]
    np.testing.assert_array_equal(found["user_age"], np.array(ages, np.float32))


@given(st.data())
def test_every_input_is_a_small_number_whatever_was_logged(data):
    number = st.floats(allow_nan=False, allow_infinity=False, width=32)
    row = {
        feature.name: data.draw(st.lists(number, max_size=9) if feature.is_list else number)
        for feature in FEATURES
        if feature.dtype.startswith("float")
    }
    whole = {**row, "user_categories": ["war"] * 8, "item_categories": ["war"]}
    features = arrays_from_rows([whole], FEATURES)
    inputs = encode({"user_id": np.array([1]), "item_id": np.array([2])}, features, np.array([T]))
    for name, values in inputs.items():
        if values.dtype == np.float32:
            assert np.all(np.abs(values) <= 100.0), name


def test_a_rate_stays_between_0_and_1_whatever_was_counted():
    counts = np.array([-4.0, -1e30, 0.0, 7.0, 3e38], np.float32)
    for events in counts:
        rates = derived.smoothed_rate(counts, np.full(5, events, np.float32))
        assert np.all((rates >= 0.0) & (rates <= 1.0))


def test_a_match_is_the_same_whichever_side_is_one_row_for_all():
    random = np.random.default_rng(1)
    wanted, known = random.integers(0, 6, (5, 3)), random.permuted(np.arange(40).reshape(5, 8) % 9)
    strengths = random.random((5, 8)).astype(np.float32)

    def slow(row, other):
        pairs = zip(known[other].tolist(), strengths[other].tolist(), strict=True)
        return sum(value for key, value in pairs if key and key in wanted[row].tolist())

    (aligned,) = derived.match(wanted, known, strengths)
    np.testing.assert_allclose(aligned, [slow(n, n) for n in range(5)], rtol=1e-6)
    (one_user,) = derived.match(wanted[:1], known, strengths)
    np.testing.assert_allclose(one_user, [slow(0, n) for n in range(5)], rtol=1e-6)
    (one_item,) = derived.match(wanted, known[:1], strengths[:1])
    np.testing.assert_allclose(one_item, [slow(n, 0) for n in range(5)], rtol=1e-6)


def test_a_faded_match_of_one_row_is_to_the_bit_that_of_many():
    random = np.random.default_rng(2)
    wanted = random.integers(0, 9, (1, 12))  # some of them twice, some none
    known = random.integers(0, 12, (40, 8))
    strengths = random.random((2, 40, 8)).astype(np.float32)
    found = derived.match(wanted, known, *strengths, fading=0.7)
    aligned = derived.match(np.repeat(wanted, 40, axis=0), known, *strengths, fading=0.7)
    assert [each.tobytes() for each in found] == [each.tobytes() for each in aligned]
    weight = {key: 0.7**place for place, key in reversed([*enumerate(wanted[0].tolist())]) if key}
    twice = [key for key in weight if wanted[0].tolist().count(key) > 1]
    once = ~np.isin(known, twice).any(axis=1)
    slow = [[weight.get(key, 0.0) for key in row] for row in known.tolist()]
    expected = (strengths[0] * np.array(slow)).sum(axis=1)
    np.testing.assert_allclose(found[0][once], expected[once], rtol=1e-5)
    assert once.any()


@pytest.mark.parametrize("spread", [1, 4096])
def test_places_of_keys_are_those_of_a_slow_search(spread):
    random = np.random.default_rng(3)
    wanted = random.integers(0, 9, 6) * spread  # with 4096 all of them share their low bits
    known = random.integers(0, 12, (30, 5)) * spread
    entry, at = derived.places_of(wanted, known)
    slow = [
        (n, place)
        for place, key in enumerate(known.ravel().tolist())
        for n, other in enumerate(wanted.tolist())
        if key == other != 0
    ]
    found = list(zip(entry.tolist(), at.tolist(), strict=True))
    assert sorted(found) == sorted(slow)
    for places in range(known.size):  # of one place in the order of the entries
        assert [n for n, place in found if place == places] == sorted(
            n for n, place in slow if place == places
        )
