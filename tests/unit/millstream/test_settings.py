"""Settings: from the environment, with errors that name the variable."""

import re
from pathlib import Path

import pytest

from millstream.errors import ConfigurationError
from millstream.settings import Settings, settings, shown, variable_name


@pytest.fixture(autouse=True)
def fresh():
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_the_customary_variables_are_read(monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "a:1,b:2")
    monkeypatch.setenv("REDIS_URL", "redis://r:1/2")
    monkeypatch.setenv("MILLSTREAM_BATCH_SIZE", "64")
    assert settings().kafka_bootstrap_servers == "a:1,b:2"
    assert settings().redis_url == "redis://r:1/2"
    assert settings().batch_size == 64


def test_a_wrong_value_is_an_error_that_names_the_setting(monkeypatch):
    monkeypatch.setenv("MILLSTREAM_BATCH_SIZE", "0")
    with pytest.raises(ConfigurationError, match="batch_size"):
        settings()


@pytest.mark.parametrize(
    "name", [n for n, f in Settings.model_fields.items() if f.annotation is float]
)
@pytest.mark.parametrize("value", ["nan", "inf", "1e400"])
def test_no_setting_is_a_number_that_is_none(monkeypatch, name, value):
    monkeypatch.setenv(variable_name(name), value)
    with pytest.raises(ConfigurationError, match=name):
        settings()


@pytest.mark.parametrize("name", ["serving_port", "trainer_metrics_port", "stream_metrics_port"])
def test_a_port_is_one_that_there_is(monkeypatch, name):
    monkeypatch.setenv(variable_name(name), "65536")
    with pytest.raises(ConfigurationError, match=name):
        settings()


def test_a_secret_may_be_in_a_file(monkeypatch, tmp_path):
    for name, content in (("url", "rediss://:hunter2@r:1/2"), ("password", "swordfish")):
        (tmp_path / name).write_text(f"{content}\n")
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "url"))
    (tmp_path / ".env").write_text(f"KAFKA_SASL_PASSWORD_FILE={tmp_path / 'password'}\n")
    monkeypatch.chdir(tmp_path)
    assert settings().redis_url == "rediss://:hunter2@r:1/2"
    assert settings().kafka_sasl_password.get_secret_value() == "swordfish"


def test_a_secret_comes_from_one_place(monkeypatch, tmp_path):
    (tmp_path / "url").write_text("redis://r:1/2")
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@r:1/2")
    with pytest.raises(ConfigurationError, match="REDIS_URL or REDIS_URL_FILE, not both") as error:
        settings()
    assert "hunter2" not in str(error.value)


def test_a_secret_s_file_must_be_there(monkeypatch, tmp_path):
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="REDIS_URL_FILE must name a readable .*none"):
        settings()


def test_no_password_is_shown(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://me:hunter2@r:1/2?sentinel_password=hunter3")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "hunter4")
    told = [shown(settings(), name) for name in Settings.model_fields]
    for text in (*told, repr(settings()), str(settings())):
        assert "hunter" not in text
    assert "redis://me:***@r:1/2?sentinel_password=***" in told


@pytest.mark.parametrize("url", ["redis://:hunter2@h:w/o@r:1/0", "hunter2"])
def test_a_password_that_is_not_encoded_is_an_error_that_does_not_tell_it(monkeypatch, url):
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(ConfigurationError, match=r"REDIS_URL .*percent-encoded") as error:
        settings()
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


def test_every_setting_says_what_it_means_and_has_a_variable():
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert variable_name(name).isupper()


def test_every_setting_is_read_by_something():
    folders = ("millstream", "features", "stream", "online_trainer", "serving", "feature_repo")
    root = Path(__file__).parents[3]
    code = "\n".join(
        path.read_text()
        for folder in folders
        for path in (root / folder).rglob("*.py")
        if path.name != "settings.py"
    )
    unread = [name for name in Settings.model_fields if not re.search(rf"\.{name}\b", code)]
    assert unread == []


def test_a_file_of_settings_holds_where_no_variable_says_otherwise(monkeypatch, tmp_path):
    path = tmp_path / "best.toml"
    path.write_text('MILLSTREAM_RANKER = "lr"\nbatch_size = 8\nredis_url = "redis://f:1/0"\n')
    monkeypatch.setenv("MILLSTREAM_SETTINGS_FILE", str(path))
    monkeypatch.setenv("MILLSTREAM_BATCH_SIZE", "64")
    monkeypatch.delenv("REDIS_URL", raising=False)
    found = settings()
    assert (found.ranker, found.batch_size, found.redis_url) == ("lr", 64, "redis://f:1/0")


@pytest.mark.parametrize(
    ("content", "expected"),
    [("ranger = 1", "expected settings. Received: 'ranger'"), ("=", "read as TOML")],
)
def test_a_file_of_settings_that_cannot_be_read_says_why(monkeypatch, tmp_path, content, expected):
    path = tmp_path / "best.toml"
    path.write_text(content)
    monkeypatch.setenv("MILLSTREAM_SETTINGS_FILE", str(path))
    with pytest.raises(ConfigurationError, match=expected):
        settings()


def test_a_value_that_is_no_json_is_an_error_that_names_the_variable(monkeypatch):
    monkeypatch.setenv("MILLSTREAM_RANKER_OPTIONS", "{'hidden': [8]}")
    with pytest.raises(ConfigurationError, match="MILLSTREAM_RANKER_OPTIONS must be JSON"):
        settings()
