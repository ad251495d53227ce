"""Tasks beside the requests: what ends is started anew, counted, and makes the worker unready."""

import asyncio
import itertools

from serving.metrics import Metrics
from serving.supervision import Supervisor


def supervisor(**pauses):
    metrics = Metrics()
    found = Supervisor(metrics.task_failures, **pauses)
    return found, lambda task: metrics.registry.get_sample_value(
        "millstream_serving_task_failures_total", {"task": task}
    )


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.005)


async def test_a_task_that_fails_is_down_until_it_runs_again_and_is_counted():
    found, failures = supervisor(first_pause_s=0.05)
    starts = []

    async def fails_twice():
        starts.append(1)
        if len(starts) <= 2:
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        await asyncio.Event().wait()

    async with found.running():
        found.start("publisher", fails_twice)
        assert failures("publisher") == 0
        await until(lambda: found.down)
        assert found.down == {"publisher"}
        await until(lambda: len(starts) == 3)
        assert found.down == set()
    assert failures("publisher") == 2


async def test_a_task_that_should_go_on_for_ever_and_ends_counts_as_failed():
    found, failures = supervisor(first_pause_s=10.0)

    async def ends():
        return

    async with found.running():
        found.start("feed", ends)
        found.start("bootstrap", ends, ends=True)
        await until(lambda: found.down)
        assert found.down == {"feed"}
        assert (failures("feed"), failures("bootstrap")) == (1, 0)


async def test_the_pause_grows_while_a_task_goes_on_failing():
    found, _ = supervisor(first_pause_s=0.02, longest_pause_s=0.08)
    starts = []

    async def fails():
        starts.append(asyncio.get_running_loop().time())
        raise ValueError

    async with found.running():
        found.start("feed", fails)
        await until(lambda: len(starts) == 5)
    pauses = [late - early for early, late in itertools.pairwise(starts)]
    assert all(
        pause >= least for pause, least in zip(pauses, (0.02, 0.04, 0.08, 0.08), strict=True)
    )


async def test_at_the_end_every_task_is_cancelled_and_waited_for():
    found, failures = supervisor()
    ended = []

    async def runs():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    async with found.running():
        found.start("feed", runs)
        await asyncio.sleep(0.01)
    assert (ended, failures("feed"), found.down) == ([1], 0, set())
