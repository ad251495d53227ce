"""Logs: reading, choosing, sessions, and which moments are asked."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from msgspec.structs import replace

from millstream import topic_reading
from millstream.codec import encode
from millstream.errors import DatasetError
from millstream.events import Impression, Interaction, ItemUpsert, ShownItem
from millstream.settings import Settings
from millstream.topic_reading import TopicRecord
from simulation.asking import questions, spread
from simulation.log import compact, first_seen, hours, sessions_by_gap, sessions_of, without_repeats
from simulation.reading import read
from simulation.segments import segment_values
from simulation.topic_log import read_topics

HOUR_S = 3_600.0
ROWS = [  # session, user, item, second
    (1, "a", "x", 10),
    (2, "b", "x", 20),
    (1, "a", "y", 30),
    (1, "a", "x", 40),
    (3, "c", "z", HOUR_S + 5),
    (2, "b", "z", HOUR_S + 6),
]
NAMES = {"user_id": "who", "item_id": "what", "event_time": "when", "session_id": "visit"}


def csv(unit: int = 1) -> str:
    lines = [f"{s},{u},{i},{int((1e9 // HOUR_S * HOUR_S + t) * unit)}" for s, u, i, t in ROWS]
    return "\n".join(["visit,who,what,when", *lines]) + "\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(csv())
    return read([path], NAMES)


def test_whatever_the_file_is_packed_in_the_log_is_the_same(tmp_path, log):
    text = csv().encode()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text))
    (tmp_path / "b.csv.zst").write_bytes(zstandard.compress(text))
    (tmp_path / "c.csv").write_text(csv(unit=1000))  # milliseconds
    columns = list(zip(*[line.split(",") for line in csv().split()[1:]], strict=True))
    table = pa.table({"visit": columns[0], "who": columns[1], "what": columns[2]})
    table = table.append_column("when", pa.array([float(t) for t in columns[3]]))
    pq.write_table(table, tmp_path / "d.parquet")
    for name in ("a.csv.gz", "b.csv.zst", "c.csv", "d.parquet"):
        other = read([tmp_path / name], NAMES)
        assert [encode(other.event(n)) for n in range(len(other))] == [
            encode(log.event(n)) for n in range(len(log))
        ]


def test_events_come_in_time_order_whatever_the_order_of_the_lines(tmp_path, log):
    header, *lines = csv().split()
    (tmp_path / "back.csv").write_text("\n".join([header, *lines[::-1]]))
    back = read([tmp_path / "back.csv"], NAMES)
    assert back.times.tolist() == log.times.tolist() == sorted(log.times)


def test_repeats_go_where_they_stand_and_short_sessions_after(log):
    kept = without_repeats(log)
    events = [kept.event(n) for n in range(len(kept))]
    assert [(event.user_id, event.item_id) for event in events] == [
        ("a", "x"),
        ("b", "x"),
        ("a", "y"),
        ("c", "z"),
        ("b", "z"),
    ]
    small = compact(sessions_of(kept, 2))
    assert sorted(small.user_ids) == ["a", "b"] and len(small) == 4


def test_hours_count_from_the_full_hour_of_the_first_event(log):
    assert len(hours(log, 0, 1)) == 4 and len(hours(log, 1, None)) == 2
    assert hours(log, None, None) is log


def test_the_last_of_each_session_is_asked_or_every_positive(log):
    assert questions(log, "session-last").tolist() == [False, False, False, True, True, True]
    assert questions(log, "positive").all()
    assert spread(questions(log, "positive"), 3).tolist() == [True, False, True, False, True, False]
    assert spread(questions(log, "positive"), 9).all()
    assert not len(questions(log.take(np.zeros(0, np.int64)), "session-last"))


def test_a_pause_ends_a_session():
    users, times = np.array([0, 0, 1, 0]), np.array([0.0, 10.0, 11.0, 100.0])
    found = sessions_by_gap(users, times, gap_s=30.0)
    assert found[0] == found[1] and len(set(found.tolist())) == 3


def test_items_come_to_be_when_they_are_first_met(log):
    born = {event.item_id: event.event_time for event in first_seen(log)}
    assert born == {"x": log.times[0], "y": log.times[2], "z": log.times[4]}


def test_events_as_json_keep_what_they_say(tmp_path):
    events = [
        Interaction(event_id="1", event_time=5.0, user_id="u", item_id="i", kind="view"),
        Interaction(event_id="2", event_time=6.0, user_id="u", item_id="j", kind="click"),
        ItemUpsert(event_id="3", event_time=1.0, item_id="i", title="One"),
    ]
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(map(encode, events)))
    log = read([path])
    assert [log.event(0), log.event(1)] == events[:2] and list(log.upserts) == events[2:]
    assert log.positive.tolist() == [False, True]
    assert [event.item_id for event in first_seen(log)] == ["j"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "", "Expected a file that ends in .csv, .jsonl or .parquet"),
        ("a.csv", "user_id,item_id\n1,2\n", "a.csv must have the columns event_time. Received"),
        ("a.jsonl", '{"type": "item"}\n', "a.jsonl line 1: .*event_time"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match=message):
        read([tmp_path / name])


def test_further_columns_stay_with_their_events(tmp_path):
    text = "user_id,item_id,event_time,os\nb,x,20,ios\na,x,10,web\na,y,30,\n"
    path = tmp_path / "clicks.csv"
    path.write_text(text)
    log = read([path], {"context.os": "os"})
    assert log.columns["context.os"].tolist() == ["web", "ios", ""]
    assert log.take(np.array([1])).columns["context.os"].tolist() == ["ios"]
    assert segment_values(log, "context.os", [0, 2]).tolist() == ["web", ""]


def test_compression_is_known_by_the_bytes_and_parquet_may_be_compressed(tmp_path):
    events = [Interaction(event_id="1", event_time=5.0, user_id="u", item_id="i", kind="click")]
    path = tmp_path / "log.jsonl"  # no .zst: the bytes say it
    path.write_bytes(zstandard.compress(b"\n".join(map(encode, events))))
    assert read([path]).event(0) == events[0]
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table({"user_id": ["u"], "item_id": ["i"], "event_time": [5.0]}), buffer)
    path = tmp_path / "log.parquet.gz"
    path.write_bytes(gzip.compress(buffer.getvalue().to_pybytes()))
    assert read([path]).times.tolist() == [5.0]


def test_topics_are_a_log_in_which_each_event_counts_once(monkeypatch):
    click = Interaction(event_id="1", event_time=9.0, user_id="u", item_id="i", kind="click")
    item = ItemUpsert(event_id="2", event_time=3.0, item_id="i")
    shown = Impression(
        event_id="3",
        event_time=5.0,
        request_id="r",
        user_id="u",
        items=[ShownItem(item_id="i", position=0, score=0.5)],
    )
    probe = replace(click, event_id="4", is_probe=True)
    held = {
        "interactions": [encode(click), encode(click), b"nonsense", encode(probe)],
        "items": [encode(item)],
        "impressions": [encode(shown)],
    }

    def messages(settings, topic):
        for offset, value in enumerate(held.get(topic.name, [])):
            yield TopicRecord(0, offset, 1.0, None, value)

    monkeypatch.setattr(topic_reading, "messages", messages)
    log = read_topics(Settings())
    assert log.originals == [click] and log.upserts == [item] and log.impressions == [shown]
