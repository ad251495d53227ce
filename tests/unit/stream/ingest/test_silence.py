from stream.ingest.records import TopicPartition
from stream.ingest.silence import LONGEST_S, PartitionActivity, Silence
from stream.state.watermark import CLOCK, Watermark

A, B = TopicPartition("interactions", 0), TopicPartition("interactions", 1)
IDLE_S = 5.0


def silence_of(*standings: tuple[float, PartitionActivity, PartitionActivity]) -> Silence:
    """What is known after (time, how A stands, how B stands) each."""
    silence = Silence(IDLE_S)
    silence.assign([A, B, TopicPartition("items", 0)])
    for now_s, of_a, of_b in standings:
        silence.note(A, of_a, now_s)
        silence.note(B, of_b, now_s)
    return silence


BUSY, QUIET, AWAY = PartitionActivity.BUSY, PartitionActivity.QUIET, PartitionActivity.AWAY
WATERMARK = Watermark(10.0, {A: 100.0, B: 80.0})


def test_a_partition_that_is_quiet_for_long_enough_takes_on_the_newest_time():
    silence = silence_of((0.0, BUSY, QUIET))
    assert silence.ticks(WATERMARK, 4.9) == {}
    assert silence.ticks(WATERMARK, 5.0) == {B: 100.0}


def test_one_that_has_more_to_read_never_does():
    assert silence_of((0.0, BUSY, BUSY)).ticks(WATERMARK, 1e6) == {}
    assert silence_of((0.0, BUSY, QUIET), (9.0, BUSY, BUSY)).ticks(WATERMARK, 9.0) == {}


def test_the_clock_counts_when_all_are_silent():
    silence = silence_of((0.0, QUIET, BUSY), (3.0, QUIET, QUIET))
    assert CLOCK not in silence.ticks(WATERMARK, 7.9)
    assert silence.ticks(WATERMARK, 8.0) == {B: 100.0, CLOCK: 8.0}


def test_a_broker_that_does_not_answer_is_not_silence():
    assert silence_of((0.0, AWAY, AWAY)).ticks(WATERMARK, 1e6) == {}


AWAY_S = 16.0
NEEDED_S = 1.5 * AWAY_S + IDLE_S


def test_after_the_broker_was_away_it_must_be_quiet_for_as_long_as_its_clients_may_stay_away():
    silence = silence_of((0.0, BUSY, AWAY), (AWAY_S, BUSY, QUIET))
    assert silence.ticks(WATERMARK, AWAY_S + NEEDED_S - 0.1) == {}
    assert silence.ticks(WATERMARK, AWAY_S + NEEDED_S) == {B: 100.0}


def test_an_assignment_after_an_outage_does_not_forget_it():
    """The group is formed anew when its coordinator is back."""
    silence = silence_of((0.0, BUSY, AWAY), (AWAY_S, BUSY, QUIET))
    silence.assign([A, B])
    silence.note(B, QUIET, AWAY_S + 1.0)
    assert silence.ticks(WATERMARK, AWAY_S + 1.0 + IDLE_S) == {}
    assert silence.ticks(WATERMARK, AWAY_S + 1.0 + NEEDED_S) == {B: 100.0}


def test_but_not_for_longer_than_that():
    silence = silence_of((0.0, BUSY, AWAY), (1000.0, BUSY, QUIET))
    assert silence.ticks(WATERMARK, 1000.0 + LONGEST_S) == {B: 100.0}


def test_an_outage_is_forgotten_once_it_was_waited_for():
    silence = silence_of((0.0, BUSY, AWAY), (AWAY_S, BUSY, QUIET))
    silence.ticks(WATERMARK, AWAY_S + NEEDED_S)
    silence.note(B, BUSY, 60.0)
    silence.note(B, QUIET, 61.0)
    assert silence.ticks(WATERMARK, 66.0) == {B: 100.0}


def test_a_new_assignment_begins_anew():
    silence = silence_of((0.0, QUIET, QUIET))
    silence.assign([A])
    assert silence.ticks(WATERMARK, 1e6) == {}
