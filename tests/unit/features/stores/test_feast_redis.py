"""Our Redis commands against those of Feast's own store."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pyarrow as pa
import pytest
from feast import FeatureView, RepoConfig
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from hypothesis import given
from hypothesis import strategies as st

from features.spec import ITEM_ATTRIBUTES, ITEM_STATS, USER_STATS, VIEWS, features_of
from features.stores.feast_encoding import encoded, timestamps_encoded
from features.stores.feast_redis import ViewLayout, timestamp_decoded
from features.stores.redis_online import Layouts
from features.stores.schema import TIMESTAMP
from tests.support.feature_rows import feature_rows

PROJECT = "a_project"
MICROSECONDS = st.integers(-(10**15), 4 * 10**15)


class Recorder:
    """Stands for a Redis client and its pipelines; keeps what Feast sends."""

    def __init__(self):
        self.sent = []

    def pipeline(self, transaction):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def hset(self, key, mapping):
        fields = {k if isinstance(k, bytes) else k.encode(): v for k, v in mapping.items()}
        self.sent.append(("HSET", key, fields))

    def expire(self, name, time):
        self.sent.append(("EXPIRE", name, time))

    def execute(self):
        return []


def sent_by_feast(view, rows, key_ttl_s=None):
    """What Feast's store sends for `rows`."""
    store, recorder = RedisOnlineStore(), Recorder()
    store._client = recorder
    config = RepoConfig(
        project=PROJECT,
        provider="local",
        registry="unused.db",
        online_store=RedisOnlineStoreConfig(key_ttl_seconds=key_ttl_s, skip_dedup=True),
        entity_key_serialization_version=3,
    )
    names = [feature.name for feature in features_of(view)]
    table = SimpleNamespace(name=view.name, features=names, spec=FeatureView)
    values = {
        feature.name: list(
            map(Value.FromString, encoded(rows[feature.name], feature.dtype).to_pylist())
        )
        for feature in features_of(view)
    }
    data = [
        (
            EntityKey(join_keys=[view.key], entity_values=[Value(string_val=entity_id)]),
            {name: values[name][index] for name in names},
            moment,
            None,
        )
        for index, (entity_id, moment) in enumerate(
            zip(rows[view.key].to_pylist(), rows["event_timestamp"].to_pylist(), strict=True)
        )
    ]
    store.online_write_batch(config, table, data, None)
    return recorder.sent


def as_feast_sends(command):
    name, key, *rest = command
    if name == b"EXPIRE":
        return ("EXPIRE", key, int(rest[0]))
    assert name == b"HSET"
    return ("HSET", key, dict(zip(rest[::2], rest[1::2], strict=True)))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@pytest.mark.parametrize("key_ttl_s", [None, 3600])
def test_we_send_what_feast_sends(view, key_ttl_s):
    ids = ["7", "ä", "a b\r\n", "x" * 256, "7"]
    times = [1e9, 1e9 + 0.5, 1_700_000_000.000001, 874_724_710.0, 2e9]
    rows = feature_rows(view, ids, times)
    ours = map(as_feast_sends, ViewLayout(view, PROJECT, key_ttl_s).write_commands(rows))
    assert list(ours) == sent_by_feast(view, rows, key_ttl_s)


@given(st.lists(MICROSECONDS, max_size=5))
def test_timestamps_are_read_as_they_were_written(moments):
    column = pa.array(moments, pa.int64()).cast(TIMESTAMP)
    assert list(map(timestamp_decoded, timestamps_encoded(column).to_pylist())) == moments


def test_no_timestamp_is_none_and_an_empty_one_the_epoch():
    assert timestamp_decoded(None) is None
    assert timestamp_decoded(b"") == 0


def test_views_of_the_same_entities_are_asked_for_at_once():
    requests = [
        (ITEM_STATS, ["7", "8"]),
        (ITEM_ATTRIBUTES, ["7", "8"]),
        (ITEM_STATS, ["7"]),
        (USER_STATS, ["7"]),
    ]
    commands = list(Layouts(PROJECT).read_commands(requests))
    item, user = ViewLayout(ITEM_STATS, PROJECT), ViewLayout(USER_STATS, PROJECT)
    both = (*item.read_fields, *ViewLayout(ITEM_ATTRIBUTES, PROJECT).read_fields)
    assert commands == [
        (b"HMGET", item.key("7"), *both),
        (b"HMGET", item.key("8"), *both),
        (b"HMGET", item.key("7"), *item.read_fields),
        (b"HMGET", user.key("7"), *user.read_fields),
    ]


def test_a_row_holds_until_its_ttl_has_passed_inclusive():
    view = USER_STATS
    assert view.ttl_s is not None
    layout = ViewLayout(view, PROJECT)
    (command,) = layout.write_commands(feature_rows(view, ["7"], [1e9]))
    reply = command[3::2]

    def found(at_s):
        return layout.table(["7"], [reply], at_s)["event_timestamp"].to_pylist()

    moment = [datetime.fromtimestamp(1e9, UTC)]
    assert found(None) == moment
    assert found(1e9 + view.ttl_s) == moment
    assert found(1e9 + view.ttl_s + 1e-3) == [None]
