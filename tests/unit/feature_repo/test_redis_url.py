import pytest

from feature_repo.redis_url import RedisUrlOnlineStore, RedisUrlOnlineStoreConfig


def options(config: RedisUrlOnlineStoreConfig) -> dict:
    """What Feast's client is made with; it connects when it is first used."""
    return RedisUrlOnlineStore()._get_client(config).connection_pool.connection_kwargs


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://localhost:6380/2", {"host": "localhost", "port": 6380, "db": 2}),
        ("redis://:pa%2Fs%2Cs@h:1/0", {"host": "h", "password": "pa/s,s"}),
        ("redis://:1234@h:1/0", {"password": "1234"}),
        ("rediss://me:a=b@h:1/3", {"db": 3, "username": "me", "password": "a=b"}),
        (
            "rediss://h:1/0?ssl_ca_certs=/ca.pem&ssl_check_hostname=false",
            {"ssl_ca_certs": "/ca.pem", "ssl_check_hostname": False},
        ),
        ("unix:///tmp/redis", {"path": "/tmp/redis"}),
    ],
)
def test_the_store_is_where_redis_url_says(monkeypatch, url, expected):
    monkeypatch.setenv("REDIS_URL", url)
    found = options(RedisUrlOnlineStoreConfig())
    assert {name: found[name] for name in expected} == expected


def test_without_a_redis_url_it_is_on_this_machine(monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    found = options(RedisUrlOnlineStoreConfig())
    assert (found["host"], found["port"], found["db"]) == ("127.0.0.1", 6379, 0)


def test_a_configuration_does_not_show_its_password(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@h:1/0")
    assert "hunter2" not in repr(RedisUrlOnlineStoreConfig())


def test_an_address_in_the_configuration_wins(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:7000/5")
    config = RedisUrlOnlineStoreConfig(connection_string="here:1")
    assert options(config)["host"] == "here"
