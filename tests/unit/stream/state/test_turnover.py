"""What the stream and serving keep stays as large as what is there, however much comes and goes."""

from features import tombstones
from stream.state import known_items, memory
from tests.bench.bench_turnover import BATCH, Turnover


def test_items_that_come_and_go_leave_nothing_behind(monkeypatch):
    monkeypatch.setattr("tests.bench.bench_turnover.BATCH", 50)
    monkeypatch.setattr(known_items, "MIN_HOLES", 20)
    monkeypatch.setattr(memory, "MOST_NUMBERS", 300)
    turnover = Turnover(live=100)
    turnover.catalogue._deleted = tombstones.Tombstones(most=100)
    seen = []
    for number in range(30):
        turnover.turn(number)
        seen.append(turnover.counts())
    live = 100
    assert BATCH != 50
    for counts in seen[6:]:
        assert counts["eligible"] == counts["catalogue"] == counts["vectors"] == live
        assert counts["deleted"] <= live
        assert counts["known"] <= 2 * live * 3 // 2
        assert counts["numbers"] <= 300 + 3 * counts["known"]
        assert counts["rows"] <= live + 4 * 50
