"""Where to go on in a log that is not as it was left."""

from hypothesis import given
from hypothesis import strategies as st

from millstream.log_identity import Start, TopicLog, start

OFFSETS = st.integers(0, 50)


def log(identity: str, *spans: tuple[int, int]) -> TopicLog:
    return TopicLog(
        identity, dict(enumerate(b for b, _ in spans)), dict(enumerate(e for _, e in spans))
    )


def test_a_log_that_is_as_it_was_is_gone_on_with():
    assert start("a", {0: 7, 1: 2}, log("a", (0, 9), (2, 2))) == Start("a", {0: 7, 1: 2})


def test_what_was_never_read_begins_without_a_word():
    assert start("", {}, log("a", (3, 9))) == Start("a", {})


def test_another_log_is_read_from_its_beginning():
    assert start("a", {0: 7}, log("b", (0, 90))) == Start("b", {}, ["other"])
    assert start("a.2", {0: 7}, log("b", (0, 90))) == Start("b", {}, ["other"])


def test_the_identity_of_what_was_read_is_learnt_where_the_positions_fit():
    assert start("", {0: 7}, log("a", (0, 9))) == Start("a", {0: 7})


def test_a_position_past_the_end_of_a_log_of_unknown_identity_is_of_another_one():
    assert start("", {0: 7, 1: 1}, log("a", (0, 3), (0, 9))) == Start("a", {}, ["other"])


def test_what_comes_after_an_end_that_was_cut_off_is_new_and_of_a_new_identity():
    cut = start("a", {0: 7, 1: 1}, log("a", (0, 3), (0, 9)))
    assert cut == Start("a.1", {0: 3, 1: 1}, ["cut"])
    assert start(cut.identity, cut.positions, log("a", (0, 5), (0, 9))) == Start(
        "a.1", {0: 3, 1: 1}
    )
    assert start("a.1", {0: 3}, log("a", (0, 2))).identity == "a.2"


def test_what_was_removed_before_it_was_read_is_counted():
    found = start("a", {0: 7, 1: 4, 2: 5}, log("a", (10, 20), (5, 5), (0, 9)))
    assert found == Start("a", {0: 10, 1: 5, 2: 5}, ["gap"], missed=4)
    assert found.text("t") == "Topic t: 4 messages were removed before they were read."


def test_brokers_without_identities_are_judged_by_their_offsets():
    assert start("", {0: 7}, log("", (0, 9))) == Start("", {0: 7})
    assert start("a", {0: 7}, log("", (0, 9))) == Start("a", {0: 7})
    assert start("", {0: 7}, log("", (0, 3))) == Start("", {}, ["other"])


@given(st.sampled_from(["", "a", "a.1", "b"]), OFFSETS, OFFSETS, OFFSETS)
def test_it_is_always_gone_on_within_the_log_and_a_second_look_changes_nothing(
    identity, position, begin, more
):
    now = log("a", (begin, begin + more))
    found = start(identity, {0: position}, now)
    assert begin <= found.positions.get(0, begin) <= begin + more
    assert start(found.identity, found.positions, now) == Start(found.identity, found.positions)
    if begin <= position <= begin + more and identity != "b":
        assert (found.positions, found.changes) == ({0: position}, [])
