import pytest
from feast.infra.online_stores.redis import RedisOnlineStore

from feature_repo.redis_url import RedisUrlOnlineStoreConfig, connection_string


def as_feast_reads(url):
    (node,), options = RedisOnlineStore._parse_connection_string(connection_string(url))
    return node["host"], node["port"], options


@pytest.mark.parametrize(
    ("url", "host", "port", "options"),
    [
        ("redis://localhost:6380/2", "localhost", "6380", {"db": 2}),
        ("redis://localhost", "localhost", "6379", {"db": 0}),
        ("redis://:pa%2Fss@h:1/0", "h", "1", {"db": 0, "password": "pa/ss"}),
        ("redis://:1234@h:1/0", "h", "1", {"db": 0, "password": "1234"}),
        (
            "rediss://me:a=b@h:1/3",
            "h",
            "1",
            {"db": 3, "username": "me", "password": "a=b", "ssl": True},
        ),
    ],
)
def test_feast_understands_the_address(url, host, port, options):
    assert as_feast_reads(url) == (host, port, options)


@pytest.mark.parametrize("url", ["unix:///tmp/redis", "redis://:a%2Cb@h:1/0", "localhost:6379"])
def test_what_feast_cannot_express_is_refused_without_telling_the_password(url):
    with pytest.raises(ValueError, match="`REDIS_URL` must be redis://") as raised:
        connection_string(url)
    assert "a,b" not in str(raised.value)
    assert "a%2Cb" not in str(raised.value)


def test_the_store_is_where_redis_url_says(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:7000/5")
    assert RedisUrlOnlineStoreConfig().connection_string == "elsewhere:7000,db=5"


def test_without_a_redis_url_it_is_on_this_machine(monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert RedisUrlOnlineStoreConfig().connection_string == "127.0.0.1:6379,db=0"


def test_an_address_in_the_configuration_wins(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:7000/5")
    config = RedisUrlOnlineStoreConfig(connection_string="here:1")
    assert config.connection_string == "here:1"
