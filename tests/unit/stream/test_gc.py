import gc
import weakref

from stream.gc import COLLECT_EVERY_S, ManualGc


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def test_cycles_are_freed_by_a_sweep_and_by_nothing_else():
    with ManualGc() as manual_gc:
        manual_gc.collect(0.0)
        assert not gc.isenabled()
        cycle = weakref.ref(Cycle())
        manual_gc.collect(COLLECT_EVERY_S / 2)
        assert cycle() is not None
        manual_gc.collect(COLLECT_EVERY_S)
        assert cycle() is None


def test_the_collector_is_itself_again_after_the_block():
    with ManualGc() as manual_gc:
        manual_gc.collect(0.0)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
