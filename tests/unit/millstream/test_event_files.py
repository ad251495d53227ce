"""Files of events: lines, CSV, progress."""

import io

import pytest

from millstream.errors import InvalidEvent
from millstream.event_files import (
    Line,
    Progress,
    csv_columns,
    csv_object,
    event_of_line,
    lines,
)
from millstream.events import Interaction

NOW = 1_700_000_000.0


def test_empty_lines_are_passed_over_but_counted():
    read = list(lines(io.BytesIO(b"a\n\n  \nb")))
    assert read == [Line(1, 2, b"a\n"), Line(4, 7, b"b")]


def test_reading_goes_on_where_it_was_left():
    stream = io.BytesIO(b"a\nb\nc\n")
    first = next(lines(stream))
    stream.seek(first.next_byte)
    rest = lines(stream, first.next_byte, first.number)
    assert [(line.number, line.content) for line in rest] == [(2, b"b\n"), (3, b"c\n")]


def test_an_event_without_id_gets_the_same_one_every_time():
    line = Line(3, 0, b'{"type":"interaction","user_id":1,"item_id":2,"kind":"click"}')
    first, again = (event_of_line(line, None, "abc", NOW) for _ in range(2))
    assert first.event_id == again.event_id == "abc-3"
    assert first.event_time == NOW


def test_an_invalid_line_is_named():
    line = Line(3, 0, b'{"type":"interaction","user_id":1,"kind":"click"}')
    with pytest.raises(InvalidEvent, match=r"missing required field `item_id` - at `line 3: \$`"):
        event_of_line(line, None, "abc", NOW)


def test_a_csv_row_becomes_an_interaction():
    columns = csv_columns(b"\xef\xbb\xbfuser_id,item_id,kind,value,event_time,context.page\n")
    row = Line(2, 0, b"u1,i1,rating,4.5,1700000001,home\n")
    event = event_of_line(row, columns, "abc", NOW)
    assert isinstance(event, Interaction)
    assert (event.user_id, event.value, event.event_time) == ("u1", 4.5, NOW + 1)
    assert event.context == {"page": "home"}


def test_an_empty_csv_cell_is_a_missing_value():
    assert "value" not in csv_object(b"u,i,click,\n", ["user_id", "item_id", "kind", "value"])


def test_a_csv_header_without_ids_is_refused():
    with pytest.raises(InvalidEvent, match="Expected a CSV header with user_id, item_id"):
        csv_columns(b"who,what\n")


def test_progress_is_remembered_for_this_very_file_only(tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"one\ntwo\n")
    start = Progress.load(file)
    assert (start.next_byte, start.lines) == (0, 0)
    Progress(start.fingerprint, 4, 1).save(file)
    assert Progress.load(file).lines == 1
    file.write_bytes(b"another\nfile\n")
    assert Progress.load(file).lines == 0
