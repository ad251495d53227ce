"""Files of events: lines, records, CSV, ids, progress. Every fault is one error with its line."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.validation import event_of
from millstream.errors import ConfigurationError, DatasetError, InvalidEvent
from millstream.event_files import EventFile, PublishProgress, StandardInput, source_of
from millstream.event_files import lines as cutting
from millstream.event_files.lines import lines
from millstream.event_files.table import EventTable
from millstream.events import AnyEvent, Event, Interaction, ItemUpsert

NOW = 1_700_000_000.0
HEADER = b"user_id,item_id,kind\n"


def zstd(content: bytes) -> bytes:
    return pa.compress(content, "zstd", asbytes=True)


def made(value: Any, now_s: float) -> Event:
    return event_of(value, AnyEvent, now_s)


def events_of(content: bytes, name: str = "x.jsonl", tmp_path: Path | None = None, **options):
    """What a file holds: its events, and the errors of its records."""
    found, errors = [], []
    file = EventFile(StandardInput(io.BytesIO(content)), name.endswith(".csv"), **options)
    for record in file.records():
        try:
            found.append(file.event(record, NOW, made))
        except InvalidEvent as error:
            errors.append(str(error))
    return found, errors


def csv_events(content: bytes, **options):
    return events_of(content, "x.csv", **options)


def click_line(item: int, **more) -> bytes:
    extra = "".join(f',"{name}":{value}' for name, value in more.items())
    return f'{{"type":"interaction","user_id":"u","item_id":{item},"kind":"click"{extra}}}'.encode()


@given(st.lists(st.binary(max_size=8)), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.integers(1, 9))
def test_lines_are_those_of_splitlines_however_the_stream_is_cut(parts, ending, size):
    content = ending.join(parts)

    class Dripping(io.BytesIO):
        def read1(self, count=-1, /):
            return self.read(min(size, count))

    read = list(lines(Dripping(content)))
    assert [line.content for line in read] == content.splitlines(keepends=True)
    assert [content[line.start : line.next_byte] for line in read] == [
        line.content for line in read
    ]
    assert [line.number for line in read] == list(range(1, len(read) + 1))


def test_a_line_that_is_too_long_is_refused_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(cutting, "MAX_LINE_BYTES", 100)
    read = list(lines(io.BytesIO(b"a" * 5_000 + b"\nb\n")))
    assert [(line.next_byte, len(line.content), line.is_cut) for line in read] == [
        (5_001, 101, True), (5_003, 2, False),
    ]  # fmt: skip


def test_blank_lines_are_passed_over_but_counted():
    _, errors = events_of(b"\n  \n" + click_line(1) + b"\n\nbroken\n")
    assert len(errors) == 1 and "line 5: $" in errors[0]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_is_one(ending):
    found, errors = events_of(ending.join([click_line(1), click_line(2)]))
    assert ([event.item_id for event in found], errors) == (["1", "2"], [])
    found, errors = csv_events(ending.join([HEADER.strip(), b"u,1,click", b"u,2,view"]))
    assert ([event.item_id for event in found], errors) == (["1", "2"], [])


def test_a_byte_order_mark_is_no_part_of_the_first_record():
    marked, errors = events_of(b"\xef\xbb\xbf" + click_line(1))
    assert errors == []
    assert marked == events_of(click_line(1))[0]
    assert csv_events(b"\xef\xbb\xbf" + HEADER + b"u,1,click")[1] == []


def test_a_quoted_cell_may_hold_line_breaks_and_quotes():
    rows = b'user_id,item_id,kind,context.note\nann,1,click,"first\nsecond, ""x"""\nbob,2,click,a\n'
    found, errors = csv_events(rows)
    assert errors == []
    assert [event.context["note"] for event in found] == ['first\nsecond, "x"', "a"]


def test_a_line_after_a_quoted_break_has_its_own_number():
    rows = HEADER + b'"a\nb",1,click\nu,,click\n'
    _, errors = csv_events(rows)
    assert len(errors) == 1 and "line 4: $" in errors[0]


def test_a_quote_that_nothing_closes_costs_its_line_only():
    found, errors = csv_events(HEADER + b'u,"1,click\nu,2,click\nu,3,click\n')
    assert [event.item_id for event in found] == ["2", "3"]
    assert len(errors) == 1 and "line 2: $" in errors[0] and "quotes" in errors[0]


@pytest.mark.parametrize(
    "bad",
    [
        "café,1,click".encode("latin-1"),
        b"u,1,click,more",
        b"u,1",
        b'u,"1"x,click',
        b",1,click",
        b"u,1,hug",
        b"\x00\xff\xfe",
    ],
)
def test_a_bad_row_is_one_error_with_its_line(bad):
    found, errors = csv_events(HEADER + b"u,0,click\n" + bad + b"\nu,2,click\n")
    assert [event.item_id for event in found] == ["0", "2"]
    assert len(errors) == 1
    assert "line 3: $" in errors[0] and "\n" not in errors[0]


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"[" * 5_000,
        b'{"a":' * 5_000,
        b"[1]",
        b"null",
        b'"text"',
        b'{"type":"interaction","user_id":"\\ud83d","item_id":"1","kind":"click"}',
        b'{"type":"interaction","user_id":"u","item_id":"1","kind":"rating","value":NaN}',
        b'{"type":"interaction","user_id":"u","item_id":"1","kind":"rating","value":1e400}',
        b'{"type":"film","user_id":"u"}',
        b"\xff\xfe{\x00",
        b"\x80abc",
        b'{"type":"interaction","user_id":"u","item_id":"1","kind":"click","context":{"a":"'
        + b"x" * 950_000
        + b'"}}',
    ],
)
def test_bad_json_is_one_error_with_its_line(bad):
    found, errors = events_of(click_line(1) + b"\n" + bad + b"\n" + click_line(3) + b"\n")
    assert [event.item_id for event in found] == ["1", "3"]
    assert len(errors) == 1
    assert "line 2: $" in errors[0] and len(errors[0]) < 700 and "\n" not in errors[0]


@given(st.binary(max_size=60))
def test_no_bytes_are_anything_but_events_or_errors(content):
    assert len(events_of(content)[0]) == 0
    csv_events(HEADER + content)


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", "1e400", "five", "1_0"])
def test_a_value_that_is_no_finite_number_is_refused_by_its_path(value):
    _, errors = csv_events(f"user_id,item_id,kind,value\nu,1,rating,{value}\n".encode())
    assert len(errors) == 1 and "line 2: $.value" in errors[0]


def test_a_csv_row_becomes_an_interaction():
    rows = (
        b"user_id, item_id,kind,value,event_time,context.page\nu1,i1,rating,4.5,1700000001,home\n"
    )
    (event,), _ = csv_events(rows)
    assert isinstance(event, Interaction)
    assert (event.user_id, event.value, event.event_time) == ("u1", 4.5, NOW + 1)
    assert event.context == {"page": "home"}


def test_a_csv_row_becomes_an_item():
    rows = (
        b"item_id,title,categories,hidden,attributes.release_year\n7,Heat,Action|Crime,false,1995\n"
    )
    (event,), errors = csv_events(rows, kind="item")
    assert errors == []
    assert isinstance(event, ItemUpsert)
    assert (event.title, event.categories, event.hidden) == ("Heat", ["Action", "Crime"], False)
    assert event.attributes == {"release_year": "1995"}


def test_a_column_that_is_not_known_is_refused_with_a_near_one():
    with pytest.raises(
        InvalidEvent, match=r"'timestamp' \(event_time\? --map timestamp=event_time"
    ):
        csv_events(b"user_id,item_id,kind,timestamp\nu,1,click,5\n")
    with pytest.raises(InvalidEvent, match=r"'userId' \(user_id\?.*lacks user_id.* - at `line 1`"):
        csv_events(b"userId,item_id,kind\nu,1,click\n")


def test_columns_are_renamed_left_out_and_added():
    (event,), errors = csv_events(
        b"user_id,movie,stars,timestamp,comment\nu,7,5,1600000000,good\n",
        renamed={"movie": "item_id", "stars": "value", "timestamp": "event_time", "comment": ""},
        constants={"kind": "rating"},
    )
    assert errors == []
    assert (event.item_id, event.value, event.event_time) == ("7", 5.0, 1_600_000_000.0)
    assert (event.kind, event.context) == ("rating", {})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"renamed": {"nobody": "value"}}, "--map expects one of user_id, item_id, kind. Received"),
        ({"renamed": {"kind": "kinds"}}, "--map expects one of .*Received: 'kinds'"),
        ({"constants": {"colour": "red"}}, "--set expects one of .*Received: 'colour'"),
    ],
)
def test_options_that_name_what_is_not_there_are_refused(options, text):
    with pytest.raises(ConfigurationError, match=text):
        EventTable(["user_id", "item_id", "kind"], **options)


def test_a_column_that_is_there_twice_is_refused():
    with pytest.raises(InvalidEvent, match="Received: kind twice"):
        EventTable(["user_id", "item_id", "kind", "action"], renamed={"action": "kind"})


def ids(content: bytes, name: str = "x.jsonl") -> list[str]:
    return [event.event_id for event in events_of(content, name)[0]]


@given(st.integers(1, 6), st.integers(0, 6), st.booleans())
def test_ids_stay_when_a_file_grows_and_differ_within_it(before, more, ends_with_a_line_end):
    old = b"\n".join(click_line(n % 2) for n in range(before)) + b"\n" * ends_with_a_line_end
    grown = b"\n".join(click_line(n % 2) for n in range(before + more)) + b"\n"
    assert ids(grown)[:before] == ids(old)
    assert len(set(ids(grown))) == before + more


def test_equal_rows_at_one_place_of_two_files_are_two_events():
    first, second = (HEADER + start + b"u,1,click\n" for start in (b"a,0,click\n", b"b,0,click\n"))
    assert ids(first, "x.csv")[1] != ids(second, "x.csv")[1]


def test_an_id_and_a_time_that_are_given_are_kept():
    (event,), _ = events_of(click_line(1, event_id='"mine"', event_time=5))
    assert (event.event_id, event.event_time) == ("mine", 5.0)
    assert events_of(click_line(1))[0][0].event_time == NOW


def put(path: Path, content: bytes) -> EventFile:
    path.write_bytes(content)
    source = source_of(str(path))
    return EventFile(source, source.is_csv)


def read(path: Path) -> bytes:
    with source_of(str(path)).open() as stream:
        return stream.read()


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_reading_goes_on_where_it_was_left_also_in_a_file_that_grew(tmp_path, ending):
    packings: dict[str, Callable[[bytes], bytes]]
    packings = {"": bytes, ".gz": gzip.compress, ".zst": zstd}
    packed = packings[ending]
    rows = [b'u,1,"a\n"', b"u,2,b", b"u,3,c", b"u,4,d"]
    header = b"user_id,item_id,context.x\n"
    path = tmp_path / f"log.csv{ending}"
    file = put(path, packed(header + b"\n".join(rows[:3])))
    file.constants = {"kind": "click"}
    records = list(file.records())
    progress = PublishProgress.after(file.seed, records[1])
    progress.save(path)
    path.write_bytes(packed(header + b"\n".join(rows)))
    assert PublishProgress.load(path) == progress
    again = EventFile(source_of(str(path)), True, constants={"kind": "click"})
    rest = list(again.records(PublishProgress.load(path)))
    assert again.resumed
    assert [(r.ordinal, r.first_line, r.content) for r in rest] == [
        (4, 5, rows[2]),
        (5, 6, rows[3]),
    ]
    whole = EventFile(source_of(str(path)), True, constants={"kind": "click"})
    assert [whole.event(r, NOW, made) for r in list(whole.records())[2:]] == [
        again.event(r, NOW, made) for r in rest
    ]


@pytest.mark.parametrize("changed", [b"x\nb\nc\n", b"a\nx\nc\n"])
def test_a_file_that_changed_is_read_from_its_beginning(tmp_path, changed):
    file = put(tmp_path / "x.jsonl", b"a\nb\nc\n")
    records = list(file.records())
    progress = PublishProgress.after(file.seed, records[1])
    other = put(tmp_path / "x.jsonl", changed)
    assert len(list(other.records(progress))) == 3
    assert not other.resumed


def test_what_is_remembered_and_is_no_progress_is_none(tmp_path):
    PublishProgress.path(tmp_path / "x").write_text('{"fingerprint": 1}')
    assert PublishProgress.load(tmp_path / "x") is None


def test_compressed_files_are_told_by_their_bytes(tmp_path):
    content = HEADER + b"u,1,click\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(content))
    (tmp_path / "a.bin").write_bytes(zstd(content))
    assert source_of(str(tmp_path / "a.csv.gz")).is_csv
    assert not source_of(str(tmp_path / "a.bin")).is_csv
    assert read(tmp_path / "a.csv.gz") == read(tmp_path / "a.bin") == content


def test_a_cut_compressed_file_is_an_error_with_its_line(tmp_path):
    lines_ = b"".join(click_line(n) + b"\n" for n in range(20_000))
    file = put(tmp_path / "x.jsonl.gz", gzip.compress(lines_)[:-20])
    with pytest.raises(InvalidEvent, match=r"readable to its end.*Truncated.* - at `line \d+`"):
        list(file.records())


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_holds_nothing(tmp_path, content):
    assert list(put(tmp_path / "x.jsonl", content).records()) == []
    assert list(put(tmp_path / "x.csv", content).records()) == []


def test_a_folder_and_a_file_that_is_not_there_are_one_line(tmp_path):
    with pytest.raises(DatasetError, match="Received: the folder"):
        source_of(str(tmp_path))
    with pytest.raises(DatasetError, match="nowhere: No such file"):
        source_of(str(tmp_path / "nowhere"))
