"""What comes in from Kafka, and the swap of models, without Kafka."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millstream.batches import encode_table
from millstream.codec import encode
from millstream.errors import SnapshotCorrupt
from millstream.ids import id64_array
from serving.consumers.catalogue_updater import PROBE_ITEM, CatalogueUpdater
from serving.model.models import _AT_ONCE, Models
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

    def load(
        self, version: int, base: Any = None, *, forced: bool = False, exact: bool = False
    ) -> Any:
        self.bases.append(base.version if base else None)
        if version in self.corrupt:
            raise SnapshotCorrupt(f"{version} does not match its checksum.")
        if version in self.strange:
            raise KeyError("embedding_width")
        model = FakeModel(retriever=FakeRetriever.of(self.count, version), version=version)
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
        self.feeds = CatalogueUpdater(self.catalogue, self.models, self.metrics, clock)

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


def test_a_message_without_a_value_takes_its_item_out(stage):
    stage.feeds.items([Record(None, key=b"3", timestamp=int(NOW_S * 1000) + 1)])
    assert stage.catalogue.row("3") is None
    assert not stage.catalogue.shown[3]
    assert stage.catalogue.columns["item_title"].text(3) == ""


async def test_an_item_that_was_taken_out_has_no_vector_now_nor_in_the_next_model(stage):
    await stage.models.serve(1)
    stage.feeds.items([Record(None, key=b"3", timestamp=int(NOW_S * 1000) + 1)])
    assert stage.indexed() == 9
    late = upsert("3", event_time=NOW_S)
    stage.feeds.items([Record(encode(late))])
    assert (stage.catalogue.row("3"), stage.indexed()) == (None, 9)
    stage.feeds.items([Record(encode(upsert("3", event_time=NOW_S + 1)))])
    assert (stage.catalogue.row("3"), stage.indexed()) == (10, 10)


def met(*people):
    """Rows of people and of what they met last."""
    ids, recent = zip(*people, strict=True)
    times = [NOW_S] * len(ids)
    return features(
        "user_stats", user_id=ids, user_recent_items=list(recent), user_updated_at=times
    )


def test_what_people_met_last_is_kept_but_for_probes(stage):
    stage.feeds.features([met(("ann", ["3", "4"]), ("__probe__u", ["5", "3"]), ("bob", []))])
    found = stage.catalogue.people.follow_ups(id64_array(["3"]), NOW_S)
    assert (found.keys.tolist(), found.rows.tolist()) == (id64_array(["4"]).tolist(), [4])
    assert len(stage.catalogue.people) == 1


def test_what_people_met_last_is_not_kept_where_no_source_asks_for_it(stage):
    clock = stage.case.clock
    feeds = CatalogueUpdater(
        stage.catalogue, stage.models, stage.metrics, clock, keeps_people=False
    )
    feeds.features([met(("ann", ["3", "4"]))])
    assert len(stage.catalogue.people) == 0


def test_an_event_that_comes_again_has_no_effect_whatever_it_says(stage):
    first = upsert("sofa", event_id="e3", title="first")
    second = upsert("sofa", event_id="e3", title="second", event_time=NOW_S + 1.0)
    stage.feeds.items([Record(encode(first))])
    stage.feeds.items([Record(encode(second)), Record(encode(first))])
    assert stage.catalogue.columns["item_title"].text(stage.catalogue.row("sofa")) == "first"


def test_an_id_is_remembered_for_the_window_of_the_log_not_for_ever(stage):
    for minutes, title in ((0, "first"), (70, "x"), (140, "y"), (210, "second")):
        event_id = "e3" if title in ("first", "second") else title
        sofa = upsert("sofa", event_id=event_id, title=title, event_time=NOW_S - 300 + minutes)
        written_ms = int((NOW_S + minutes * 60) * 1000)
        stage.feeds.items([Record(encode(sofa), timestamp=written_ms)])
    assert stage.catalogue.columns["item_title"].text(stage.catalogue.row("sofa")) == "second"


@pytest.mark.parametrize("written_s", [NOW_S, NOW_S + 90_000.0])
def test_an_upsert_from_the_future_is_refused_whatever_the_clock_of_its_sender(stage, written_s):
    ahead = upsert("x", event_time=NOW_S + 3_601.0)
    soon = upsert("y", event_time=NOW_S + 3_599.0)
    records = [Record(encode(each), timestamp=int(written_s * 1000)) for each in (ahead, soon)]
    stage.feeds.items(records)
    assert (stage.catalogue.row("x"), stage.catalogue.row("y")) == (None, 10)
    assert stage.case.count("feed_errors_total", topic="items") == 1


@pytest.mark.parametrize(
    "bad", [b"[" * 2_000, b"\xff\xfe", b"{}", b"null", None, b'{"type":"item","item_id":"\\ud800"}']
)
def test_whatever_one_message_is_the_others_of_its_fetch_count(stage, bad):
    good = [Record(encode(upsert(f"good-{n}"))) for n in range(3)]
    stage.feeds.items([good[0], Record(bad), good[1], Record(bad), good[2]])
    assert [stage.catalogue.row(f"good-{n}") for n in range(3)] == [10, 11, 12]
    assert stage.case.count("feed_errors_total", topic="items") == 2
    stage.feeds.features([Record(bad), features(item_id=["new"], item_updated_at=[NOW_S])])
    assert stage.catalogue.row("new") == 13


async def test_an_upsert_that_cannot_be_applied_costs_itself(stage):
    await stage.models.serve(1)
    apply = stage.catalogue.upsert

    def fails_with_bad(events):
        if any(event.item_id == "bad" for event in events):
            raise ValueError("something that nobody foresaw")
        return apply(events)

    stage.catalogue.upsert = fails_with_bad
    stage.feeds.items([Record(encode(upsert(item))) for item in ("a", "bad", "b")])
    assert stage.catalogue.ids[10:] == ["a", "b"]
    assert stage.case.count("feed_errors_total", topic="items") == 1
    assert stage.indexed() == 12


async def test_an_item_without_a_finite_vector_is_counted_and_the_others_are_indexed(stage):
    await stage.models.serve(1)
    stage.models.current.retriever.index.put(np.array([3]), np.full((1, 4), np.nan))
    assert stage.case.count("items_without_vector") == 1
    assert stage.indexed() == 9


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


async def test_rows_of_one_message_are_taken_over_in_steps_as_they_are_at_once(stage):
    await stage.models.serve(1)
    count = 10
    items = features(
        item_id=[str(n % 7) for n in range(count)],
        item_updated_at=[NOW_S] * count,
        item_popularity=[float(n) for n in range(count)],
    )
    people = met(*((f"u{n}", ["3", str(n)]) for n in range(4, 10)))
    steps = stage.feeds.features_in_steps([items, Record(b"no arrow"), people], most_rows=4)
    assert len(list(steps)) == 3 + 2
    last = {n % 7: float(n) for n in range(count)}
    assert stage.catalogue.values("item_popularity")[:7].tolist() == [last[n] for n in range(7)]
    assert len(stage.catalogue.people) == 6
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


async def test_many_items_that_come_while_a_model_loads_are_in_its_index(stage):
    many = [upsert(f"new {number}") for number in range(3 * _AT_ONCE)]
    stage.loader.while_loading = lambda: stage.catalogue.upsert(many)
    await stage.models.serve(1)
    assert stage.indexed() == 10 + 3 * _AT_ONCE


async def test_a_version_that_is_chosen_is_served_with_its_own_retriever(stage):
    await stage.models.serve(1)
    shared = stage.models.current.retriever
    await stage.models.serve(2)
    stage.models.current.retriever = shared
    assert stage.case.count("retriever_version") == 1
    assert await stage.models.serve(2)
    assert stage.models.current.retriever is shared
    assert await stage.models.serve(2, exact=True)
    assert stage.models.current.retriever.manifest.version == 2
    assert stage.loader.bases == [None, 1, 2]


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
