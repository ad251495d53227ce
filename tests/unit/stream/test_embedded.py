"""The stream worker on files: events in, rows and examples out, each once."""

import asyncio
import threading
import time
from contextlib import asynccontextmanager

import pytest

from features.spec import USER_STATS
from features.stores.parts import parts_in
from features.stores.redis_online import AsyncRedisOnlineStore
from millstream.batches import decode_table, metadata_of
from millstream.codec import encode
from millstream.embedded.commands import EmbeddedCommands
from millstream.embedded.log import EmbeddedLog, NewRecord
from millstream.embedded.store import open_store
from millstream.events import Interaction, ItemUpsert
from millstream.kafka import route
from millstream.settings import Settings
from millstream.topics import DEAD_LETTERS, EXAMPLES, INTERACTIONS
from stream.embedded.main import _run
from stream.storage.leader_lease import LeaseLost


class Folder:
    """An installation in a folder."""

    def __init__(self, folder):
        self.settings = Settings(
            _env_file=None,
            data_dir=folder,
            stream_metrics_port=0,
            offline_flush_s=0.1,
            sampled_negatives=1,
        )
        self.log = EmbeddedLog(folder / "log")
        self.store = open_store(folder / "store.sqlite", self.settings.topic_prefix)
        self.online = AsyncRedisOnlineStore(EmbeddedCommands(self.store), "millstream")

    def send(self, *events):
        for event in events:
            topic, key = route(event)
            self.log[topic].append([NewRecord(key, encode(event), round(time.time() * 1000))])

    async def events_of(self, user):
        (rows,) = await self.online.read([(USER_STATS, [user])])
        return round(rows["user_events_30d"][0].as_py() or 0)

    def examples(self):
        return [decode_table(record.value or b"") for record in self.log[EXAMPLES].whole(0)]

    @asynccontextmanager
    async def running(self):
        end = threading.Event()
        task = asyncio.create_task(_run(self.settings, self.log, self.store, end))
        try:
            yield task
        finally:
            end.set()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def box(tmp_path):
    found = Folder(tmp_path)
    yield found
    found.store.close()
    found.log.close()


def click(number, user="ann"):
    return Interaction(
        event_id=f"e{number}",
        event_time=time.time(),
        user_id=user,
        item_id=f"i{number % 5}",
        kind="click",
    )


async def until(holds):
    async with asyncio.timeout(30):
        while not await holds():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.02)


async def test_an_event_counts_once_whatever_ends_and_begins_again(box):
    async def counted(count):
        return await box.events_of("ann") == count

    async def all_learnt():
        labels = [label for table in box.examples() for label in table["label"].to_pylist()]
        return labels.count(1.0) >= 15

    box.send(*(ItemUpsert(event_id=f"u{n}", event_time=1.0, item_id=f"i{n}") for n in range(5)))
    async with box.running():
        box.send(*(click(n) for n in range(10)))
        await until(lambda: counted(10))
    box.send(*(click(n) for n in range(5, 15)))  # five of them again
    async with box.running():
        await until(lambda: counted(15))
        await until(all_learnt)
    learnt = [table for table in box.examples() if table.num_rows]
    offsets = [
        (row["source_partition"], row["source_offset"])
        for table in learnt
        for row in table.select(["source_partition", "source_offset", "label"]).to_pylist()
        if row["label"] == 1
    ]
    assert len(offsets) == len(set(offsets)) == 15
    assert {metadata_of(table)["source_log"] for table in learnt} == {
        box.log[INTERACTIONS].as_of_now().identity
    }


async def test_rows_become_files_and_what_is_no_event_a_dead_letter(box):
    async def has_both():
        folder = box.settings.offline_dir / USER_STATS.name
        letters = box.log[DEAD_LETTERS].ends()[0]
        return folder.is_dir() and bool(parts_in(folder)) and letters == 1

    box.log[INTERACTIONS].append([NewRecord(b"ann", b"{", 0)])
    box.send(click(1))
    async with box.running():
        await until(has_both)


async def test_one_that_was_replaced_writes_no_more(box):
    async with box.running() as first, box.running():
        box.send(click(1))
        with pytest.raises(ExceptionGroup) as raised:
            await asyncio.wait_for(asyncio.shield(first), 30)
        assert raised.group_contains(LeaseLost)
