"""Positions in copied topics."""

from millstream.embedded.log import EmbeddedLog, NewRecord
from millstream.embedded.migration import Compared, positions_there
from millstream.log_identity import TopicLog
from millstream.topics import INTERACTIONS, ITEMS


def test_a_position_is_the_number_of_records_before_it(tmp_path):
    log = EmbeddedLog(tmp_path, (ITEMS, INTERACTIONS))
    log[INTERACTIONS].append([NewRecord(None, b"", n * 1000, 3) for n in range(10)])
    log[INTERACTIONS].tidy(now_s=7 * 86_400 + 4)  # offsets 0 to 3 are gone
    log[ITEMS].append([NewRecord(key, b"", 0) for key in (b"a", b"b", b"a", b"a", b"c")])
    log[ITEMS].tidy(now_s=0.0)  # 1, 3 and 4 are left
    there = {
        INTERACTIONS: TopicLog("x", {3: 0}, {3: 6}),
        ITEMS: TopicLog("y", {0: 100}, {0: 103}),
    }

    def moved(topic, number, offset):
        (found,) = positions_there(log, [((topic.name, number), offset)], there).values()
        return found

    assert [moved(INTERACTIONS, 3, at) for at in (0, 4, 5, 10)] == [0, 0, 1, 6]
    assert [moved(ITEMS, 0, at) for at in (0, 1, 2, 4, 5)] == [100, 100, 101, 102, 103]
    log.close()


def test_what_is_missing_too_much_or_another_is_not_equal():
    assert Compared("a", 3, 3, 0).is_equal
    assert not any(Compared("a", *counts).is_equal for counts in ((3, 2, 0), (2, 3, 0), (3, 3, 1)))
