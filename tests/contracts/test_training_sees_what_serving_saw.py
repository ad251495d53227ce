"""From a list that was shown to the example that is learnt from, and from the trained weights back
to the scores of the next list: the same numbers on both sides."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.spec import model_inputs, spec_hash
from millstream.clock import FakeClock
from millstream.codec import decode, encode
from millstream.events import Impression
from millstream.settings import Settings
from millstream.snapshots import Manifest, SnapshotReader, SnapshotWriter
from online_trainer.io.examples import ExampleBatch
from online_trainer.io.examples import decode as decode_examples
from online_trainer.snapshots import checkpoint
from online_trainer.snapshots.checkpoint import Base
from online_trainer.wiring import Wiring
from serving.catalogue.catalogue import Catalogue
from serving.model.loader import Loader
from serving.recommend.impression import impression
from serving.recommend.query import Query
from stream.ingest.records import TopicPartition
from stream.outputs.examples import ImpressionExamples
from stream.state.open_windows import LabelledItem
from tests.support.examples import example_message
from tests.support.serving_cases import NOW_S, Case

SHARED = [given.name for given in model_inputs() if given.side in ("user", "context")]
USER = {
    "user_updated_at": NOW_S - 5_000.0,
    "user_events_1h": 3.7,
    "user_events_30d": 41.3,
    "user_positives_30d": 17.9,
    "user_recent_items": ["51", "7"],
    "user_categories": ["category 1", "category 2"],
    "user_category_events": [9.1, 4.2],
    "user_category_positives": [3.3, 0.1],
    "user_age": 33.0,
    "user_gender": "F",
}


def popular_items(count: int) -> pa.Table:
    rng = np.random.default_rng(1)
    return pa.table(
        {
            "item_id": [str(number) for number in range(count)],
            "item_updated_at": NOW_S - rng.random(count) * 1e5,
            "item_events_1h": (rng.random(count) * 50).astype("f4"),
            "item_positives_30d": (rng.random(count) * 500).astype("f4"),
            "item_popularity": (rng.random(count) * 90).astype("f4"),
        }
    )


async def test_a_shown_item_is_learnt_from_with_the_inputs_it_was_scored_with():
    case = Case(count=40)
    case.users.raw["u"] = USER
    case.catalogue.put(popular_items(40))
    shown = await case.recommender.recommend(Query("u", 10))
    scored = case.model.ranker.inputs[0]

    logged = decode(encode(impression(shown)), Impression)
    rows = ImpressionExamples()
    for row, item in enumerate(logged.items):
        rows.add(
            TopicPartition("impressions", 0),
            0,
            logged.event_id,
            row,
            LabelledItem(logged, item, 1.0),
        )
    learnt = ExampleBatch.of(rows.table(published_at=NOW_S)).batch.inputs

    at = {key: place for place, key in enumerate(scored["item_id"].tolist())}
    places = [at[key] for key in learnt["item_id"].tolist()]
    assert len(places) == 10
    for name in (given.name for given in model_inputs()):
        expected = scored[name]
        expected = np.repeat(expected, 10, 0) if name in SHARED else expected[places]
        np.testing.assert_array_equal(learnt[name], expected, err_msg=name)


@pytest.fixture(scope="module")
def wiring(tmp_path_factory) -> Wiring:
    folder = tmp_path_factory.mktemp("trainer")
    return Wiring(Settings(_env_file=None, data_dir=folder, embedding_width=4, admit_after=2))


def write(folder: Path, wiring: Wiring, trainer, version: int, base: Base | None) -> Base:
    manifest = Manifest(
        version=version,
        kind="delta" if base else "full",
        parent=base.version if base else None,
        created_at=NOW_S,
        spec_hash=spec_hash(),
        models=wiring.models(),
    )
    SnapshotWriter(folder).write(manifest, checkpoint.parts(trainer, base))
    return Base(version, checkpoint.steps(trainer))


def test_what_was_trained_scores_the_same_when_it_is_served(wiring: Wiring, tmp_path: Path):
    trainer = wiring.trainer()
    loader = Loader(SnapshotReader(tmp_path), Catalogue(), FakeClock(NOW_S))
    base, model = None, None
    for version in (1, 2, 3):
        for number in range(4 * version, 4 * version + 4):
            trainer.consume(example_message(number, 300), offset=number)
        base = write(tmp_path, wiring, trainer, version, base)
        model = loader.load(version, model)

        batch = ExampleBatch.of(decode_examples(example_message(99, 200, users=400)).table).batch
        expected = trainer.ranker.score(batch)
        for place in range(len(batch)):
            one = {name: column[place : place + 1] for name, column in batch.inputs.items()}
            (scores,) = model.ranker.scores(one).values()
            assert scores == pytest.approx(expected[place : place + 1], abs=1e-5)
    assert np.ptp(expected) > 0.05
