"""Settings: from the environment, with errors that name the variable."""

import re
from pathlib import Path

import pytest

from millstream.errors import ConfigurationError
from millstream.settings import Settings, settings, variable_name


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
