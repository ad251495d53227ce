"""Places of right answers among all known items, against a slow count of the same."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from features.feature import Feature
from features.spec import BY_NAME, POPULARITY, RECENT
from online_trainer.evaluation.lists import LEAST_QUESTIONS, STAGES, ProgressiveLists
from online_trainer.evaluation.paired import Interval
from online_trainer.io.examples import ExampleBatch, decode
from online_trainer.learners.batch import Batch
from online_trainer.snapshots.gate import Gate
from tests.support.examples import example_message

SLOW: Feature = BY_NAME[POPULARITY]


class ByNumber:
    """A ranker and a retriever whose favourites are items of a great key."""

    def __init__(self) -> None:
        self.asked: list[Batch] = []

    def score(self, batch: Batch) -> np.ndarray:
        self.asked.append(batch)
        return batch.inputs["item_id"].astype(np.float64)

    def similarities(self, query: Mapping[str, Any], candidate: Mapping[str, Any]) -> np.ndarray:
        return np.tile(-candidate["item_id"].astype(np.float64), (len(query["user_id"]), 1))


def batch(number: int, rows: int) -> ExampleBatch:
    return ExampleBatch.of(decode(example_message(number, rows)).table)


def asked(first: ExampleBatch, second: ExampleBatch) -> tuple[np.ndarray, ByNumber]:
    """Places by question and stage, and the models that were asked."""
    lists, models = ProgressiveLists(every=100), ByNumber()
    lists.update(first)
    lists.ask(second, 100, models, models)  # type: ignore[arg-type]
    return lists.state()["ranks"], models


def slowly(first: ExampleBatch, second: ExampleBatch) -> list[tuple[int, dict[str, int]]]:
    """All positives of the second batch that may be asked about, with the places of their items."""
    newest = {int(item): row for row, item in enumerate(first.batch.inputs["item_id"])}
    now_s = {row: second.event_time[row] for row in range(len(second))}
    found = []
    for row in np.flatnonzero(second.batch.is_positive).tolist():
        own, met = int(second.batch.inputs["item_id"][row]), set(second.features[RECENT][row])
        if own not in newest or own in met:
            continue
        others = [item for item in newest if item not in met]

        def people(item: int, row: int = row) -> float:
            at = newest[item]
            age_s = now_s[row] - first.event_time[at]
            return float(first.features[POPULARITY][at] * 0.5 ** (age_s / SLOW.half_life_s))

        places = {
            "ranked": sum(item > own for item in others),
            "two_tower": sum(item < own for item in others),
            "popular": sum(people(item) > people(own) for item in others),
        }
        found.append((row, places))
    return found


def test_places_are_those_of_a_slow_count():
    first, second = batch(0, 150), batch(1, 40)
    ranks, _ = asked(first, second)
    expected = slowly(first, second)
    chosen = [expected[n * len(expected) // 8][1] for n in range(8)]
    assert len(expected) > 8 == len(ranks)
    for own, places in zip(ranks, chosen, strict=True):
        assert {stage: own[STAGES.index(stage)] for stage in places} == places


def test_the_ranker_sees_the_person_of_the_question_and_items_as_of_its_time():
    first, second = batch(0, 150), batch(1, 40)
    _, models = asked(first, second)
    (scored,) = models.asked
    expected = slowly(first, second)
    rows = {int(second.batch.inputs["user_id"][row]): row for row, _ in expected}
    for at in range(0, len(scored), 50):
        row = rows[int(scored.inputs["user_id"][at])]
        assert scored.inputs["hour_of_day"][at] == second.batch.inputs["hour_of_day"][row]
        for name in ("user_events_30d", "user_recent_items"):
            np.testing.assert_array_equal(
                scored.inputs[name][at], second.batch.inputs[name][row], err_msg=name
            )
    assert not np.isin(scored.inputs["item_id"], second.features[RECENT][row])[-50:].all()


def test_questions_are_asked_when_so_many_examples_have_come():
    lists, models = ProgressiveLists(every=100), ByNumber()
    for number, examples in enumerate(range(0, 2_000, 50)):
        lists.ask(batch(number, 50), examples, models, models)  # type: ignore[arg-type]
        lists.update(batch(number, 50))
    assert abs(lists.questions - 2_000 / 100) <= 8
    assert set(lists.values()) == {(f, stage) for f in ("list_hr", "list_ndcg") for stage in STAGES}


def of_places(ranked: int, counted: int) -> ProgressiveLists:
    """Lists whose answers stand at these places, now and then one further behind."""
    ranks = np.full((LEAST_QUESTIONS, len(STAGES)), -1)
    late = np.arange(LEAST_QUESTIONS) % 3
    ranks[:, STAGES.index("ranked")] = ranked + late
    ranks[:, STAGES.index("counted")] = counted + np.roll(late, 1)
    lists = ProgressiveLists(every=100)
    lists.restore({"ranks": ranks, "counts": np.array([LEAST_QUESTIONS, 0])})
    return lists


def test_figures_are_means_over_the_newest_questions():
    values = of_places(ranked=0, counted=18).values()
    whole = np.log2(2.0 + np.arange(3) * 1.0)
    thirds = np.bincount(np.arange(LEAST_QUESTIONS) % 3) / LEAST_QUESTIONS
    assert values["list_ndcg", "ranked"] == pytest.approx((thirds / whole).sum())
    assert values["list_hr", "counted"] == pytest.approx(2 / 3, abs=0.01)  # place 20 is none
    assert values["list_hr", "two_tower"] == 0.0


def test_a_snapshot_whose_lists_lose_to_the_counter_for_sure_is_held_where_that_is_wanted():
    worse, better = of_places(9, 0).behind_counter(), of_places(0, 9).behind_counter()
    assert worse is not None and better is not None
    assert worse.low > 0.2 and better.high < -0.2
    (objection,) = Gate(lists=0.01).objections({}, {}, 0, worse)
    assert objection == f"NDCG@20 of lists is below the best counter's by {worse}"
    assert Gate(lists=0.01).objections({}, {}, 0, better) == []
    assert Gate(lists=0.01).objections({}, {}, 0, Interval(0.1, -0.1, 0.3)) == []
    assert Gate().objections({}, {}, 0, worse) == []
    few = ProgressiveLists(every=1)
    assert few.behind_counter() is None and few.values() == {}
