"""Lists of a running installation against counters: who is asked what, and who knows what."""

import threading
from collections.abc import Sequence

import pytest

from millstream.events import Interaction
from simulation.baselines.popularity import Popularity
from simulation.live_judge import OURS, CounterQuestions, ListQuality, LiveJudge

T = 1_000_000.0


def interaction(number: int, user: str, item: str) -> Interaction:
    return Interaction(
        event_id=str(number), event_time=T + number, user_id=user, item_id=item, kind="click"
    )


LOG = [
    interaction(n, user, item)
    for n, (user, item) in enumerate(
        [("ann", "a"), ("bob", "a"), ("cy", "b"), ("dee", "a"), ("ann", "b"), ("eve", "c")]
    )
]


def popular(size: int) -> list[Popularity]:
    return [Popularity(size, 1e9, "popular")]


def test_a_counter_knows_what_it_was_told_and_leaves_out_what_the_user_has_had():
    (counter,) = popular(3)
    questions = CounterQuestions(LOG, lambda size: [counter])
    assert questions.ranks(3, k=10) == {"popular": -1}
    questions.tell(3)  # a, a, b
    assert questions.ranks(3, k=10) == {"popular": 0}
    assert questions.ranks(4, k=10) == {"popular": 0}  # ann has had a: b is her first
    assert questions.met(4, most=9) == ["a"]
    assert questions.ranks(5, k=10) == {"popular": -1}
    questions.tell(2)  # the past is not told again
    assert counter.decayed.scaled.sum() == pytest.approx(3.0)


def test_what_somebody_met_last_comes_first_and_no_more_than_is_wanted():
    log = [interaction(n, "ann", item) for n, item in enumerate("abcd")]
    questions = CounterQuestions(log, popular)
    assert questions.met(0, most=2) == []
    assert questions.met(3, most=2) == ["c", "b"]


def judged(recommend, sent, delay_s=0.0):
    """The quality when `sent` gives what is published at each question."""
    moments = iter(sent)
    done = threading.Event()

    def published() -> int:
        try:
            return next(moments)
        except StopIteration:
            done.set()
            return len(LOG)

    judge = LiveJudge(
        recommend, LOG, range(len(LOG)), published, popular, k=2, every_s=0.0, delay_s=delay_s
    )
    judge.start()
    assert done.wait(10)
    judge.stop()
    return judge.quality()


def test_each_question_is_the_next_positive_for_ours_and_the_counters():
    asked = []

    def recommend(user: str, met: Sequence[str]) -> list[str]:
        asked.append((user, *met))
        return ["c", "b"]

    quality = judged(recommend, sent=[1, 3])
    assert asked == [("cy",), ("ann", "a")]  # told or not: it comes with the question
    assert quality == ListQuality(2, 2, {OURS: 1.0, "popular": 0.5})
    assert quality.best_counter == "popular"


def test_counters_do_not_know_what_is_published_at_the_same_instant():
    quality = judged(lambda user, met: [], sent=[1, 3], delay_s=3_600.0)
    assert quality == ListQuality(2, 2, {OURS: 0.0, "popular": 0.0})


def test_a_question_that_got_no_list_counts_for_nobody():
    def refuse(user: str, met: Sequence[str]) -> list[str]:
        raise OSError("503")

    assert judged(refuse, sent=[1, 3]) is None
