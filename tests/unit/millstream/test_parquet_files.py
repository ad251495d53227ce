"""Parquet as input of `publish`: the same events as CSV, with ids that stay, from any place on."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.validation import event_of
from millstream.errors import InvalidEvent
from millstream.event_files import EventFile, PublishProgress, source_of
from millstream.events import AnyEvent, ItemUpsert, UserUpsert

NOW_S = 1.75e9
AT = datetime(2025, 1, 2, 3, 4, 5, 250_000, tzinfo=UTC)


def written(folder, columns, name="x.parquet"):
    path = folder / name
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


def opened(path, kind):
    source = source_of(str(path))
    return EventFile(source, source.is_csv, kind)


def events(file, start=None):
    checked = lambda value, now_s: event_of(value, AnyEvent, now_s)  # noqa: E731
    return [file.event(record, NOW_S, checked) for record in file.records(start)]


def test_items_and_users_are_read_with_their_types(tmp_path):
    columns = {
        "item_id": [1, 2, 3],
        "title": ["One, two", None, "Three\nlines"],
        "categories": [["a", "b"], [], None],
        "attributes": [{"release_year": 1999.5}, {"release_year": None}, None],
        "event_time": pa.array([AT, AT, AT], pa.timestamp("us", tz="UTC")),
        "hidden": [False, True, None],
    }
    first, second, third = events(opened(written(tmp_path, columns), "item"))
    assert isinstance(first, ItemUpsert)
    assert (first.item_id, first.title, first.categories) == ("1", "One, two", ["a", "b"])
    assert (str(first.attributes["release_year"]), first.hidden) == ("1999.5", False)
    assert (second.title, second.categories, second.hidden) == (None, [], True)
    assert (third.title, third.event_time) == ("Three\nlines", AT.timestamp())
    users = {"user_id": ["ann"], "attributes.age": [30]}
    (user,) = events(opened(written(tmp_path, users, "users"), "user"))
    assert isinstance(user, UserUpsert) and str(user.attributes["age"]) == "30"


def test_it_goes_on_where_it_was_left_with_the_same_ids(tmp_path):
    path = written(tmp_path, {"item_id": [f"i{n}" for n in range(7)]})
    whole, file = events(opened(path, "item")), opened(path, "item")
    records = list(file.records())
    rest = opened(path, "item")
    found = events(rest, PublishProgress.after(file.seed, records[3]))
    assert rest.resumed
    assert [event.event_id for event in found] == [event.event_id for event in whole[4:]]


def test_what_is_no_sound_parquet_is_an_error_that_says_so(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(InvalidEvent, match="readable"):
        events(opened(path, "item"))
