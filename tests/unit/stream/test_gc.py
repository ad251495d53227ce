import gc
import weakref

from stream.gc import SWEEP_EVERY_S, Sweeper


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def test_cycles_are_freed_by_a_sweep_and_by_nothing_else():
    with Sweeper() as sweeper:
        sweeper.sweep(0.0)
        assert not gc.isenabled()
        cycle = weakref.ref(Cycle())
        sweeper.sweep(SWEEP_EVERY_S / 2)
        assert cycle() is not None
        sweeper.sweep(SWEEP_EVERY_S)
        assert cycle() is None


def test_the_collector_is_itself_again_after_the_block():
    with Sweeper() as sweeper:
        sweeper.sweep(0.0)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
