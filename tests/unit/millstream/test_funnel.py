"""The funnel's stages, from planted readings."""

from millstream.funnel import FunnelStage, funnel, with_rates
from millstream.scraping import Scrape

STREAM = """
# TYPE millstream_stream_events_total counter
millstream_stream_events_total{kind="interaction",outcome="organic"} 70
millstream_stream_events_total{kind="interaction",outcome="late"} 5
millstream_stream_events_total{kind="interaction",outcome="duplicate"} 4
millstream_stream_events_total{kind="item",outcome="refused"} 1
millstream_stream_events_total{kind="item",outcome="upserted"} 20
# TYPE millstream_stream_joined_total counter
millstream_stream_joined_total 30
# TYPE millstream_stream_examples_total counter
millstream_stream_examples_total{origin="organic"} 60
millstream_stream_examples_total{origin="sampled"} 60
"""
TRAINER = """
# TYPE millstream_trainer_examples_total counter
millstream_trainer_examples_total 110
# TYPE millstream_trainer_rows_passed_over_total counter
millstream_trainer_rows_passed_over_total{reason="repeated"} 10
millstream_trainer_rows_passed_over_total{reason="unsound"} 0
"""
SERVING = """
# TYPE millstream_serving_snapshot_examples gauge
millstream_serving_snapshot_examples 105
"""


def test_every_event_is_in_a_stage_or_set_aside():
    stages = funnel(*map(Scrape.parse, (STREAM, TRAINER, SERVING)))
    assert stages == [
        FunnelStage("events in", 100),
        FunnelStage("valid", 99, aside=(("refused", 1),)),
        FunnelStage("counted", 95, aside=(("duplicate", 4), ("late, without an example", 5))),
        FunnelStage("joined to a list", 30),
        FunnelStage("examples", 120),
        FunnelStage("learnt", 110, aside=(("repeated", 10),)),
        FunnelStage("in served weights", 105),
    ]


def test_a_worker_that_does_not_answer_has_no_figures():
    totals = [stage.total for stage in funnel(Scrape.parse(STREAM), Scrape(), Scrape())]
    assert totals == [100, 99, 95, 30, 120, None, None]


def test_rates_are_what_was_added_and_unknown_after_a_restart():
    before = [FunnelStage("a", 10), FunnelStage("b", 10), FunnelStage("c", None)]
    after = [FunnelStage("a", 30), FunnelStage("b", 5), FunnelStage("c", 7)]
    assert [stage.per_second for stage in with_rates(before, after, 4.0)] == [5.0, None, None]
