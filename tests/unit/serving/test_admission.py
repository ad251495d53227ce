"""Admission control: few at once, short queues in order, early refusals; and its ASGI shell."""

import asyncio
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse

from serving.admission import Admission
from serving.http.admission import Admitted, Lateness, waited_s
from serving.metrics import Metrics


def worked_off(offered_per_s, takes_s, seconds, patience_s=0.05, at_once=1, within_s=inf):
    """A server that takes `takes_s` for each; (waited, verdict, stayed) of each that came."""
    door = Admission(at_once, patience_s, within_s)
    arrivals = [n / offered_per_s for n in range(int(offered_per_s * seconds))]
    tickets, busy, begun, ends = [], [], {}, {}
    now = 0.0
    while arrivals or busy:
        if busy and (not arrivals or min(busy) <= arrivals[0]):
            now = busy.pop(busy.index(min(busy)))
            fresh = door.left(now)
        else:
            now = arrivals.pop(0)
            fresh = [door.arrived(now)]
            tickets += fresh
        for ticket in fresh:
            if ticket.verdict == "go":
                begun[id(ticket)] = now
                ends[id(ticket)] = max([now, *busy]) + takes_s  # one core: one after the other
                busy.append(ends[id(ticket)])
    return [
        (begun.get(id(t), now) - t.arrived_s, t.verdict, ends.get(id(t), now) - t.arrived_s)
        for t in tickets
    ]


def test_what_a_worker_can_take_is_taken_without_a_wait():
    assert {verdict for _, verdict, _ in worked_off(100, 0.007, 5.0)} == {"go"}


def test_of_what_is_too_much_only_the_surplus_is_turned_away_and_nobody_waits_long():
    found = worked_off(offered_per_s=420, takes_s=0.007, seconds=20.0)
    waits = [waited for waited, verdict, _ in found if verdict == "go"]
    assert max(waits) <= 0.05
    assert 0.9 < len(waits) / (20.0 / 0.007) <= 1.05  # as many as it can take are answered


@pytest.mark.parametrize("takes_s", [0.004, 0.009, 0.02])
def test_of_many_that_are_worked_on_at_once_each_has_its_answer_within_what_was_promised(takes_s):
    """A place among twelve says little: twelve times 9 ms are more than a budget of 100."""
    found = worked_off(3.0 / takes_s, takes_s, seconds=20.0, at_once=12, within_s=0.1)
    stays = [stayed for _, verdict, stayed in found if verdict == "go"]
    assert np.percentile(stays, 99) <= 0.1 + takes_s
    assert 0.95 < len(stays) / (20.0 / takes_s) <= 1.05  # and nothing of its time is idle


def test_one_halt_does_not_close_the_door():
    door = Admission(at_once=12, patience_s=0.05, within_s=0.1)
    assert not door.is_busy
    tickets = [door.arrived(0.0) for _ in range(4)]
    assert {ticket.verdict for ticket in tickets} == {"go"}
    assert door.is_busy
    for now in (0.01, 0.02, 9.0):  # at the end the worker stood still for nine seconds
        door.left(now)
    assert [door.arrived(9.0).verdict for _ in range(11)] == ["go"] * 11


def test_after_a_burst_the_door_is_open_again_at_once():
    door = Admission(at_once=1, patience_s=0.05)
    tickets = [door.arrived(0.0) for _ in range(100)]
    now = 0.0
    while door.in_progress:
        now += 0.007
        door.left(now)
    assert all(ticket.verdict for ticket in tickets)
    assert now < 0.1
    assert door.arrived(now).verdict == "go"


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 0.05)), max_size=80), st.integers(1, 4))
def test_no_more_than_so_many_are_worked_on_and_the_queue_keeps_its_order(steps, at_once):
    door, now, going = Admission(at_once, 0.1), 0.0, 0
    waiting = []
    for comes, passes in steps:
        now += passes
        if comes:
            ticket = door.arrived(now)
            going += ticket.verdict == "go"
            waiting += [ticket] if ticket.verdict is None else []
        elif going:
            decided = door.left(now)
            going += sum(ticket.verdict == "go" for ticket in decided) - 1
            assert decided == waiting[: len(decided)]
            del waiting[: len(decided)]
        assert door.in_progress == going <= at_once
        assert not waiting or going == at_once
        assert len(door) == len(waiting)


def test_after_one_halt_those_who_find_a_place_are_worked_on_and_no_more_than_these():
    door = Admission(at_once=4, patience_s=0.05)
    after = [door.arrived(9.0, late_s=8.0).verdict for _ in range(10)]
    assert after == ["go"] * 4 + ["queue"] * 6


def test_when_every_arrival_is_late_for_a_while_they_are_turned_away_until_one_is_not():
    door = Admission(at_once=1_000, patience_s=0.05)
    verdicts = [door.arrived(n / 10, late_s=0.06).verdict for n in range(10)]
    assert verdicts == ["go"] * 5 + ["late"] * 5
    assert door.arrived(1.0, late_s=0.05).verdict == "go"
    assert door.arrived(1.1, late_s=0.06).verdict == "go"
    assert door.arrived(900.0, late_s=0.06).verdict == "go"


def test_one_that_withdraws_leaves_the_others_in_their_order():
    door = Admission(at_once=1, patience_s=1.0)
    _, second, third = (door.arrived(0.0) for _ in range(3))
    door.withdraw(second, "gone")
    assert door.left(0.1) == [third]
    assert (second.verdict, third.verdict) == ("gone", "go")


class Asked:
    """An application behind the door, and those who ask it."""

    def __init__(self, at_once=1, patience_s=5.0):
        self.metrics = Metrics()
        self.release = asyncio.Event()
        self.answered, self.waited = [], []
        admission = Admission(at_once, patience_s)
        self.door = Admitted(self._app, admission, self.metrics)

    async def _app(self, scope, receive, send):
        body = await receive()
        self.answered.append(body["body"])
        self.waited.append(waited_s(scope))
        await self.release.wait()
        await PlainTextResponse("a list")(scope, receive, send)

    async def ask(self, path="/v1/recommend", body=b"", hangs_up=False):
        sent, rest = [], [{"type": "http.request", "body": body, "more_body": False}]
        if hangs_up:
            rest.append({"type": "http.disconnect"})

        async def receive():
            return rest.pop(0) if rest else await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": path, "headers": []}
        await self.door(scope, receive, send)
        return sent

    def shed(self, reason):
        labels = {"reason": reason}
        return self.metrics.registry.get_sample_value("millstream_serving_shed_total", labels)


async def test_one_that_waits_is_answered_in_its_turn_with_the_body_it_sent():
    case = Asked()
    asked = [asyncio.create_task(case.ask(body=name)) for name in (b"first", b"second")]
    await asyncio.sleep(0.05)
    assert case.answered == [b"first"]
    case.release.set()
    answers = await asyncio.gather(*asked)
    assert [answer[0]["status"] for answer in answers] == [200, 200]
    assert case.answered == [b"first", b"second"]
    assert case.waited[0] < 0.05 <= case.waited[1]


async def test_one_that_waits_too_long_gets_503_and_is_told_when_to_come_again():
    case = Asked(patience_s=0.05)
    first = asyncio.create_task(case.ask())
    await asyncio.sleep(0)
    (start, _) = await case.ask()
    assert (start["status"], dict(start["headers"])[b"retry-after"]) == (503, b"1")
    assert case.shed("late") == 1
    case.release.set()
    assert (await first)[0]["status"] == 200


async def test_one_whose_client_has_hung_up_meanwhile_is_not_worked_on():
    case = Asked()
    first = asyncio.create_task(case.ask(body=b"first"))
    await asyncio.sleep(0)
    gone = asyncio.create_task(case.ask(body=b"gone", hangs_up=True))
    await asyncio.sleep(0.05)
    case.release.set()
    await asyncio.gather(first, gone)
    assert case.answered == [b"first"]
    assert gone.result() == []
    assert case.shed("gone") == 1
    assert (await case.ask(body=b"next"))[0]["status"] == 200


async def test_one_that_is_cancelled_while_it_waits_leaves_no_hole():
    case = Asked()
    first = asyncio.create_task(case.ask(body=b"first"))
    await asyncio.sleep(0)
    second = asyncio.create_task(case.ask(body=b"second"))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    case.release.set()
    await first
    assert (await case.ask(body=b"third"))[0]["status"] == 200
    assert case.answered == [b"first", b"third"]


async def test_operators_and_events_pass_whatever_the_queue():
    case = Asked()
    first = asyncio.create_task(case.ask())
    for path in ("/healthz", "/metrics", "/v1/events"):
        passing = asyncio.create_task(case.ask(path=path, body=path.encode()))
        await asyncio.sleep(0.01)
        assert case.answered[-1] == path.encode()
        passing.cancel()
    case.release.set()
    assert (await first)[0]["status"] == 200


async def test_a_loop_that_was_held_up_knows_for_how_long():
    lateness = Lateness()
    assert lateness.now() == 0.0
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while loop.time() - begun < 0.1:
        pass
    assert lateness.now() > 0.08
    await asyncio.sleep(0.05)
    assert lateness.now() < 0.08
