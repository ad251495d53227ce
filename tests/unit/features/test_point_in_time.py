from typing import NamedTuple

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from features.feature import View
from features.point_in_time import point_in_time_join
from features.spec import ITEM_ATTRIBUTES, ITEM_STATS, features_of
from features.stores.schema import TIMESTAMP
from tests.support.feature_rows import feature_rows

TTL_S = ITEM_STATS.ttl_s or 0.0
DAY_S = 86_400.0


class Moment(NamedTuple):
    """An entity at a time; of a row, or of a question."""

    entity: str
    time: float


# Few entities and coarse times: ties, late rows and expired ones everywhere.
MOMENTS = st.lists(
    st.builds(
        Moment, st.sampled_from("abc"), st.integers(0, 30).map(lambda n: 1e9 + n * 40 * DAY_S)
    ),
    max_size=40,
)


def history_of(view: View, rows: list[Moment], name: str) -> pa.Table:
    """`rows` in the order in which they were created; feature `name` is their number."""
    table = feature_rows(view, [row.entity for row in rows], [row.time for row in rows])
    numbers = list(range(len(rows)))
    table = replaced(table, name, numbers)
    return replaced(table, "created", numbers)


def replaced(table: pa.Table, name: str, numbers: list[int]) -> pa.Table:
    place = table.schema.get_field_index(name)
    field = table.schema.field(place)
    return table.set_column(place, field, pa.array(numbers, pa.int64()).cast(field.type))


def asked(questions: list[Moment]) -> pa.Table:
    moments = [int(question.time * 1e6) for question in questions]
    ids = pa.array([question.entity for question in questions], pa.string())
    times = pa.array(moments, pa.int64()).cast(TIMESTAMP)
    return pa.table({"item_id": ids, "event_timestamp": times, "label": list(range(len(ids)))})


def answer_by_hand(rows: list[Moment], question: Moment, ttl_s: float | None) -> int | None:
    held = [
        (row.time, number)
        for number, row in enumerate(rows)
        if row.entity == question.entity
        if row.time <= question.time
        if ttl_s is None or question.time <= row.time + ttl_s
    ]
    return max(held)[1] if held else None


@given(MOMENTS, MOMENTS, st.randoms(use_true_random=False))
def test_every_answer_is_the_newest_that_was_known_then(rows, questions, random):
    for view, name in ((ITEM_STATS, "item_updated_at"), (ITEM_ATTRIBUTES, "item_created_at")):
        shuffled = random.sample(range(len(rows)), len(rows))
        history = history_of(view, rows, name).take(pa.array(shuffled, pa.int64()))
        joined = point_in_time_join(asked(questions), history, view)
        assert joined[name].to_pylist() == [
            answer_by_hand(rows, question, view.ttl_s) for question in questions
        ]


@given(MOMENTS, MOMENTS)
def test_rows_from_the_future_change_nothing(rows, questions):
    end = max((question.time for question in questions), default=0.0)
    known = [row for row in rows if row.time <= end]
    # `created` stays in order, so that the numbers of the rows stay.
    whole = history_of(
        ITEM_STATS, known + [row for row in rows if row.time > end], "item_updated_at"
    )
    part = history_of(ITEM_STATS, known, "item_updated_at")
    answers = [point_in_time_join(asked(questions), table, ITEM_STATS) for table in (whole, part)]
    assert answers[0]["item_updated_at"].equals(answers[1]["item_updated_at"])


def test_a_row_holds_until_its_ttl_has_passed_inclusive():
    row = Moment("a", 1e9)
    questions = [Moment("a", 1e9 + TTL_S), Moment("a", 1e9 + TTL_S + 1e-3)]
    joined = point_in_time_join(
        asked(questions), history_of(ITEM_STATS, [row], "item_updated_at"), ITEM_STATS
    )
    assert joined["item_updated_at"].to_pylist() == [0.0, None]


def test_questions_keep_their_order_and_columns_and_get_the_whole_row():
    history = feature_rows(ITEM_ATTRIBUTES, ["a", "b"], [1e9, 1e9])
    questions = asked([Moment("b", 2e9), Moment("c", 2e9), Moment("a", 2e9)])
    joined = point_in_time_join(questions, history, ITEM_ATTRIBUTES)
    assert joined.select(questions.column_names).equals(questions)
    names = [feature.name for feature in features_of(ITEM_ATTRIBUTES)]
    expected = history.select(names).take(pa.array([1, None, 0]))
    assert joined.select(names).to_pylist() == expected.to_pylist()
