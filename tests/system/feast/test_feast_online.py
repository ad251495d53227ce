"""What we write Feast reads, and the other way round, on a real Redis."""

import pytest
from feast.data_source import PushMode

from features.spec import ITEM_STATS, VIEWS, features_of
from features.stores.schema import online_schema
from tests.support.feature_rows import feature_rows

IDS = ["7", "ä b", "x" * 256]
TIMES = [1e9, 2e9, 1_700_000_000.25]


def from_feast(store, view, ids):
    """{feature: values} as `get_online_features` gives them."""
    return store.get_online_features(
        features=[f"{view.name}:{feature.name}" for feature in features_of(view)],
        entity_rows=[{view.key: entity_id} for entity_id in ids],
    ).to_dict()


def columns_of(view, rows):
    return rows.select([view.key, *(feature.name for feature in features_of(view))]).to_pydict()


def as_pushed(view, rows):
    """A data frame as an application would push it."""
    return rows.select([*online_schema(view).names, "created"]).to_pandas()


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_feast_reads_what_we_write(feast_store, online, view):
    rows = feature_rows(view, IDS, TIMES)
    online.write(view, rows)
    assert from_feast(feast_store, view, IDS) == columns_of(view, rows)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_we_read_what_is_pushed_to_feast(feast_store, online, view):
    rows = feature_rows(view, IDS, TIMES)
    feast_store.push(f"{view.name}_push", as_pushed(view, rows), to=PushMode.ONLINE)
    (table,) = online.read([(view, IDS)])
    assert table.equals(rows.select(table.column_names))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_redis_holds_the_same_bytes_whoever_wrote(feast_store, online, redis_client, view):
    def everything():
        return {key: redis_client.hgetall(key) for key in redis_client.scan_iter()}

    rows = feature_rows(view, IDS, TIMES)
    online.write(view, rows)
    ours = everything()
    redis_client.flushdb()
    feast_store.push(f"{view.name}_push", as_pushed(view, rows), to=PushMode.ONLINE)
    assert everything() == ours


def test_feast_does_not_replace_our_row_by_an_older_one(feast_store, online):
    newer = feature_rows(ITEM_STATS, ["7"], [2e9], seed=1)
    older = feature_rows(ITEM_STATS, ["7"], [1e9], seed=2)
    online.write(ITEM_STATS, newer)
    feast_store.push("item_stats_push", as_pushed(ITEM_STATS, older), to=PushMode.ONLINE)
    assert from_feast(feast_store, ITEM_STATS, ["7"]) == columns_of(ITEM_STATS, newer)


def test_what_is_not_there_is_none_for_feast_and_the_default_for_us(feast_store, online):
    (found,) = online.read([(ITEM_STATS, ["nothing"])])
    missing = from_feast(feast_store, ITEM_STATS, ["nothing"])
    for feature in features_of(ITEM_STATS):
        assert missing[feature.name] == [None]
        is_list = isinstance(feature.default, tuple)
        default = list(feature.default) if is_list else feature.default
        assert found[feature.name].to_pylist() == [default]


def test_feast_gives_a_row_past_its_ttl_as_we_do_without_a_time(feast_store, online):
    """Online, Feast 0.67 does not look at the ttl. If this fails it has begun to: so should we."""
    rows = feature_rows(ITEM_STATS, ["7"], [1e9])
    online.write(ITEM_STATS, rows)
    assert from_feast(feast_store, ITEM_STATS, ["7"]) == columns_of(ITEM_STATS, rows)
    assert online.read([(ITEM_STATS, ["7"])])[0]["event_timestamp"].null_count == 0
    assert online.read([(ITEM_STATS, ["7"])], at_s=2e9)[0]["event_timestamp"].null_count == 1


def test_the_feature_service_answers_for_a_user_and_an_item(feast_store, online):
    written = [feature_rows(view, ["7"], [1e9]) for view in VIEWS]
    for view, rows in zip(VIEWS, written, strict=True):
        online.write(view, rows)
    answer = feast_store.get_online_features(
        features=feast_store.get_feature_service("ranking"),
        entity_rows=[{"user_id": "7", "item_id": "7"}],
    ).to_dict()
    for view, rows in zip(VIEWS, written, strict=True):
        assert answer.items() >= columns_of(view, rows).items()
