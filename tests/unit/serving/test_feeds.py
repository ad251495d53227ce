"""What comes in from Kafka, and the swap of models, without Kafka."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millstream.batches import encode_table
from millstream.clock import FakeClock
from millstream.codec import decode, encode
from millstream.errors import SnapshotCorrupt
from millstream.events import Impression, ShownItem
from millstream.settings import Settings
from serving.feeds.items import PROBE_ITEM, ItemFeeds
from serving.feeds.publisher import Publisher
from serving.model.models import Models
from tests.support.serving_cases import NOW_S, Case, FakeModel, FakeRetriever, upsert


@dataclass
class Record:
    """What of a Kafka record is looked at."""

    value: bytes | None
    key: bytes = b""
    partition: int = 0
    offset: int = 0
    timestamp: int = int(NOW_S * 1000)


@dataclass
class FakeLoader:
    """Gives models by version; some are corrupt, some take until they are let go."""

    count: int
    corrupt: set[int] = field(default_factory=set)
    strange: set[int] = field(default_factory=set)
    bases: list[int | None] = field(default_factory=list)
    while_loading: Any = None
    probes: dict[str, float] = field(default_factory=dict)

    def load(self, version: int, base: Any = None, *, forced: bool = False) -> Any:
        self.bases.append(base.version if base else None)
        if version in self.corrupt:
            raise SnapshotCorrupt(f"{version} does not match its checksum.")
        if version in self.strange:
            raise KeyError("embedding_width")
        model = FakeModel(retriever=FakeRetriever.of(self.count), version=version)
        model.probes = self.probes
        if self.while_loading:
            self.while_loading()
        return model


class Stage:
    """A catalogue, its models, its feeds."""

    def __init__(self, count: int = 10) -> None:
        self.case = Case(count)
        self.catalogue, self.metrics = self.case.catalogue, self.case.metrics
        self.loader = FakeLoader(count)
        clock = self.case.clock
        self.models = Models(self.loader, self.catalogue, self.metrics, clock)  # type: ignore[arg-type]
        self.feeds = ItemFeeds(self.catalogue, self.models, self.metrics, clock)

    def indexed(self) -> int:
        return len(self.models.current.retriever.index)


@pytest.fixture
def stage():
    found = Stage()
    yield found
    found.models.close()


def features(view="item_stats", **columns):
    return Record(encode_table(pa.table(columns), {"view": view}))


async def test_a_new_item_has_its_vector_when_its_message_has_been_handled(stage):
    await stage.models.serve(1)
    stage.feeds.items([Record(encode(upsert("new")))])
    assert stage.models.current.retriever.index.has(np.array([stage.catalogue.row("new")]))[0]


def test_items_come_before_the_first_model_too(stage):
    stage.feeds.items([Record(encode(upsert("new")))])
    assert stage.catalogue.row("new") == 10


def test_a_message_that_is_no_item_is_left_out_and_counted(stage):
    bad = upsert("x", attributes={"release_year": "long ago"})
    stage.feeds.items([Record(b"{"), Record(encode(bad)), Record(encode(upsert("good")))])
    assert stage.catalogue.row("good") is not None
    assert stage.catalogue.row("x") is None
    assert stage.case.count("feed_errors_total", topic="items") == 2


def test_a_message_without_a_value_hides_its_item(stage):
    stage.feeds.items([Record(None, key=b"3")])
    assert not stage.catalogue.shown[3]


async def test_feature_rows_of_items_are_taken_over_and_others_are_not(stage):
    await stage.models.serve(1)
    rows = {"item_updated_at": [NOW_S] * 2, "item_popularity": [4.0, 5.0]}
    stage.feeds.features(
        [
            features(item_id=["3", "organic"], **rows),
            features("user_stats", user_id=["u"], user_updated_at=[NOW_S]),
            Record(b"no arrow"),
        ]
    )
    assert stage.catalogue.values("item_popularity")[[3, 10]].tolist() == [4.0, 5.0]
    assert stage.indexed() == 11
    assert stage.case.count("feed_errors_total", topic="features") == 1


async def test_probes_take_one_hidden_place_and_are_measured(stage):
    await stage.models.serve(1)
    stage.case.clock.advance(0.25)
    probes = [upsert(f"__probe_item__{n}", is_probe=True) for n in range(3)]
    stage.feeds.items([Record(encode(probe)) for probe in probes])
    stage.feeds.features([features(item_id=["__probe_item__1"], item_updated_at=[NOW_S])])
    assert stage.catalogue.ids[10:] == [PROBE_ITEM]
    assert not stage.catalogue.shown[10]
    assert stage.case.count("item_to_retrievable_seconds_count") == 3
    assert stage.case.count("item_to_retrievable_seconds_sum") == pytest.approx(0.75)


async def test_probes_from_before_the_worker_measure_nothing(stage):
    await stage.models.serve(1)
    old = upsert("__probe_item__1", is_probe=True, event_time=NOW_S - 500.0)
    stage.feeds.items([Record(encode(old))])
    assert stage.case.count("item_to_retrievable_seconds_count") == 0


async def test_a_swap_keeps_the_model_before_it_and_goes_back_to_it_without_loading(stage):
    assert await stage.models.serve(1)
    first = stage.models.current
    assert await stage.models.serve(2)
    assert (stage.models.current.version, stage.models.previous) == (2, first)
    stage.feeds.items([Record(encode(upsert("since")))])
    assert await stage.models.serve(1)
    assert stage.models.current is first
    assert first.retriever.index.has(np.array([10]))[0]
    assert stage.loader.bases == [None, 1]
    assert stage.case.count("swaps_total", outcome="rolled_back") == 1


async def test_an_item_that_comes_while_a_model_loads_is_in_its_index(stage):
    stage.loader.while_loading = lambda: stage.catalogue.upsert([upsert("meanwhile")])
    await stage.models.serve(1)
    assert stage.models.current.retriever.index.has(np.array([10]))[0]


async def test_a_corrupt_snapshot_leaves_what_is_served_and_is_counted(stage):
    stage.loader.corrupt = {2}
    await stage.models.serve(1)
    assert not await stage.models.serve(2)
    assert stage.models.current.version == 1
    assert stage.case.count("swaps_total", outcome="failed") == 1


async def test_a_snapshot_that_nobody_foresaw_leaves_what_is_served_too(stage, caplog):
    stage.loader.strange = {2}
    await stage.models.serve(1)
    assert not await stage.models.serve(2)
    assert stage.models.current.version == 1
    assert "Snapshot 2 is not served" in caplog.text


async def test_each_probe_event_is_counted_once_when_its_weights_are_served(stage):
    stage.case.clock.advance(3.0)
    stage.loader.probes = {"a": NOW_S, "b": NOW_S + 1.0}
    await stage.models.serve(1)
    stage.loader.probes = {"b": NOW_S + 1.0}
    await stage.models.serve(2)
    assert stage.case.count("event_to_weights_seconds_count") == 2
    assert stage.case.count("event_to_weights_seconds_sum") == pytest.approx(5.0)


async def test_gauges_tell_the_version_and_its_age(stage):
    stage.case.clock.advance(4.0)
    await stage.models.serve(3)
    assert stage.case.count("snapshot_version") == 3
    assert stage.case.count("snapshot_age_seconds") == 4.0
    assert stage.case.count("index_items") == 10


SHOWN = Impression(
    event_id="e",
    event_time=NOW_S,
    request_id="r",
    user_id="u",
    items=[ShownItem(item_id="i", position=0, score=0.5)],
)


class Producer:
    """Takes the place of Kafka's."""

    def __init__(self):
        self.sent = []
        self.is_stopped = False

    async def send(self, topic, value, key):
        assert not self.is_stopped
        self.sent.append(decode(value))
        future = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future

    async def stop(self):
        self.is_stopped = True


def test_lists_that_nobody_takes_are_dropped_and_counted():
    case = Case(1)
    publisher = Publisher(Settings(_env_file=None), case.metrics, FakeClock())
    for _ in range(10_003):
        publisher.log(SHOWN)
    assert case.count("impressions_total", outcome="dropped") == 3


async def test_lists_are_logged_together_and_none_is_left_when_the_worker_ends():
    case = Case(1)
    publisher = Publisher(Settings(_env_file=None), case.metrics, FakeClock())
    publisher._producer = producer = Producer()
    running = asyncio.create_task(publisher.run())
    publisher.log(SHOWN)
    publisher.log(SHOWN)
    await asyncio.sleep(0.001)
    assert producer.sent == []
    await asyncio.sleep(0.2)
    assert producer.sent == [SHOWN, SHOWN]
    publisher.log(SHOWN)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (len(producer.sent), producer.is_stopped) == (3, True)
    assert case.count("impressions_total", outcome="sent") == 3
