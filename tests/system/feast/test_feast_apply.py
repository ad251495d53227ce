import pyarrow.parquet as pq

from features.spec import ITEM_STATS, VIEWS, features_of
from features.stores.offline import OfflineAppender
from tests.support.feature_rows import feature_rows


def test_the_feature_service_has_every_feature_of_the_spec(feast_store):
    service = feast_store.get_feature_service("ranking")
    found = {
        projection.name: [feature.name for feature in projection.features]
        for projection in service.feature_view_projections
    }
    assert {name: sorted(names) for name, names in found.items()} == {
        view.name: sorted(feature.name for feature in features_of(view)) for view in VIEWS
    }


def test_applying_again_leaves_the_rows_that_are_there(applied, offline_folder):
    appender = OfflineAppender(offline_folder)
    appender.append(ITEM_STATS, 0, feature_rows(ITEM_STATS, ["a", "b"], [1e9, 2e9]))
    appender.flush()
    done = applied.feast("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert pq.read_table(offline_folder / "item_stats").num_rows == 2
