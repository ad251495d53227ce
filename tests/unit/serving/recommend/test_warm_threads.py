"""Work goes to the first thread that is free, waits in its order, and fails for itself."""

import threading
from concurrent.futures import CancelledError

import pytest

from serving.recommend.warm_threads import WarmThreads


@pytest.fixture
def threads():
    found = WarmThreads(2, "test")
    yield found
    found.shutdown()


def settled(threads):
    """Let a thread that has answered become free."""
    while len(threads._free) < 2:
        pass


def test_one_after_another_is_done_by_the_same_thread(threads):
    names = set()
    for _ in range(20):
        names.add(threads.submit(threading.current_thread).result().name)
        settled(threads)
    assert names == {"test-0_0"}


def test_what_finds_no_thread_waits_in_its_order_for_the_next_that_is_free(threads):
    gates = [threading.Event(), threading.Event()]
    held = [threads.submit(gate.wait) for gate in gates]
    done = []
    waiting = [threads.submit(done.append, n) for n in range(5)]
    assert not any(each.done() for each in waiting)
    gates[1].set()  # one thread does them all, and the other is held still
    for each in waiting:
        each.result(timeout=5)
    assert done == list(range(5))
    assert not held[0].done()
    gates[0].set()
    assert held[0].result(timeout=5)


def test_a_failure_is_for_who_waits_and_the_thread_goes_on(threads):
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 1, 0).result()
    assert threads.submit(divmod, 7, 3).result() == (2, 1)


def test_what_is_cancelled_before_its_turn_is_never_done():
    threads, gate, done = WarmThreads(1, "test"), threading.Event(), []
    threads.submit(gate.wait)
    cancelled, kept = threads.submit(done.append, 1), threads.submit(done.append, 2)
    assert cancelled.cancel()
    gate.set()
    kept.result(timeout=5)
    assert done == [2]
    gate.clear()
    threads.submit(gate.wait)
    late = threads.submit(done.append, 3)
    threads.shutdown(wait=False, cancel_futures=True)
    gate.set()
    with pytest.raises(CancelledError):
        late.result()
    threads.shutdown()
    assert done == [2]
    with pytest.raises(RuntimeError):
        threads.submit(done.append, 4)
