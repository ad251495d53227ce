"""Workers behind one port: what one is told the others know, and any of them speaks for all."""

import asyncio
import contextlib
import time

import pytest
from prometheus_client import CollectorRegistry, Gauge

from millstream.events import Impression, Interaction, ItemUpsert, ShownItem
from serving.http.schemas import ReadyAnswer
from serving.workers.siblings import Siblings, ask_once
from serving.workers.together import Together, all_ready


def click(number: int, **more) -> Interaction:
    return Interaction(
        event_id=f"e{number}",
        event_time=time.time(),
        user_id="u",
        item_id=f"i{number}",
        kind="click",
        **more,
    )


def answer(**changes) -> ReadyAnswer:
    sound = {"ready": True, "model_version": "7", "items": 5, "score": "", "waiting_for": []}
    return ReadyAnswer(**{**sound, "index_recall": 1.0, **changes})


class Worker:
    def __init__(self, folder, number, count=3, **ready):
        registry = CollectorRegistry()
        Gauge("items", "Items", registry=registry).set(number)
        self.siblings = Siblings(folder, number, count)
        self.together = Together(registry, lambda: answer(**ready), self.siblings)
        self.heard, self.untold = [], 0
        self.siblings.untold = self._untold

    def _untold(self):
        self.untold += 1

    @contextlib.asynccontextmanager
    async def running(self):
        run = self.siblings.run(self.together.answers(), self.heard.append)
        task = asyncio.create_task(run)
        while not ask_path(self.siblings).exists():  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.001)
        yield self
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def ask_path(siblings):
    return siblings._folder / f"{siblings.number}.asked"


async def settled():
    for _ in range(20):
        await asyncio.sleep(0.001)


async def test_what_is_posted_to_one_the_others_hear_in_its_order(tmp_path):
    first, second, third = (Worker(tmp_path, number) for number in range(3))
    async with first.running(), second.running(), third.running():
        told = [click(number) for number in range(10)]
        for event in told:
            first.siblings.tell(event)
        await settled()
    assert second.heard == third.heard == told
    assert first.heard == []


@pytest.mark.parametrize(
    "event",
    [
        click(1, is_probe=True),
        ItemUpsert(event_id="i", event_time=1.0, item_id="i"),
        Impression(
            event_id="r",
            event_time=1.0,
            request_id="r",
            user_id="u",
            items=[ShownItem(item_id="i", position=0, score=1.0)],
        ),
    ],
    ids=["probe", "item", "impression"],
)
async def test_what_the_others_hear_elsewhere_they_are_not_told(tmp_path, event):
    first, second = Worker(tmp_path, 0, 2), Worker(tmp_path, 1, 2)
    async with first.running(), second.running():
        first.siblings.tell(event)
        await settled()
    assert second.heard == []


async def test_one_that_is_not_there_misses_it_and_one_without_room_is_counted(tmp_path):
    first, second = Worker(tmp_path, 0, 2), Worker(tmp_path, 1, 2)
    async with first.running():
        first.siblings.tell(click(1))
        assert first.untold == 0
    async with first.running(), second.running():
        for number in range(20_000):  # nobody reads meanwhile
            first.siblings.tell(click(number))
            if first.untold:
                break
        assert first.untold == 1
    first.siblings.tell(click(1))  # it has ended
    assert first.untold == 1


async def test_one_that_hears_garbage_hears_the_next_event_all_the_same(tmp_path):
    first, second = Worker(tmp_path, 0, 2), Worker(tmp_path, 1, 2)
    async with first.running(), second.running():
        first.siblings._mouth.sendto(b"[" * 1000, str(tmp_path / "1.told"))
        first.siblings.tell(event := click(1))
        await settled()
    assert second.heard == [event]


async def test_metrics_of_all_that_answer_are_on_the_page_of_each(tmp_path):
    first, second, third = (Worker(tmp_path, number) for number in range(3))
    async with first.running(), third.running():
        wanted = {f'items{{worker="{number}"}} {number}.0' for number in (0, 2)}
        for each in (first, third):
            lines = (await each.together.metrics()).decode().splitlines()
            assert {line for line in lines if not line.startswith("#")} == wanted
        async with second.running():
            assert b'items{worker="1"} 1.0' in await third.together.metrics()


async def test_ready_are_all_or_none(tmp_path):
    first, second = Worker(tmp_path, 0, 2), Worker(tmp_path, 1, 2)
    async with first.running():
        alone = await first.together.readiness()
        assert (alone.ready, alone.waiting_for) == (False, ["worker 1: an answer"])
        async with second.running():
            assert (await first.together.readiness()).ready
            asked = await asyncio.to_thread(ask_once, tmp_path, 1, "ready")
            assert ReadyAnswer.model_validate_json(asked).ready
    assert ask_once(tmp_path, 1, "ready") == b""


def test_all_are_as_the_one_that_is_behind():
    behind = answer(
        ready=False, model_version="", items=3, index_recall=0.9, waiting_for=["model", "task x"]
    )
    found = all_ready({0: answer(model_version="12"), 1: behind, 2: answer(index_recall=None)})
    assert not found.ready
    assert (found.model_version, found.items, found.index_recall) == ("", 3, 0.9)
    assert found.waiting_for == ["worker 1: model", "worker 1: task x"]
    both = all_ready({0: answer(model_version="12"), 1: answer(model_version="9")})
    assert (both.ready, both.model_version) == (True, "9")
