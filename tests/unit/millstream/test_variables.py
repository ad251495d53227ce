"""Misspelt environment variables."""

import pytest

from millstream.settings import settings, unknown
from millstream.variables import unknown_variables

KNOWN = ["MILLSTREAM_BATCH_SIZE", "MILLSTREAM_SERVING_PORT", "REDIS_URL"]


@pytest.mark.parametrize(
    "name",
    [
        "MILLSTREAM_BATCH_SIZE",
        "MILLSTREAM_BATCH_SIZE_FILE",
        "MILLSTREAM_CACHE_DIR",
        "PATH",
        "MILLSTREAM_SERVICE_HOST",
        "MILLSTREAM_SERVICE_PORT_HTTP",
        "MILLSTREAM_SERVING_PORT_8000_TCP_ADDR",
    ],
)
def test_what_is_known_or_none_of_ours_is_passed_over(name):
    assert unknown_variables({name: "1"}, KNOWN) == []


def test_a_misspelt_one_is_told_with_the_one_that_was_meant():
    assert unknown_variables({"MILLSTREAM_SERVNG_PORT": "1"}, KNOWN) == [
        "MILLSTREAM_SERVNG_PORT is no setting; did you mean MILLSTREAM_SERVING_PORT?"
    ]
    assert unknown_variables({"MILLSTREAM_XYZZY": None}, KNOWN) == [
        "MILLSTREAM_XYZZY is no setting (`millstream settings` lists them)."
    ]


def test_the_environment_and_the_env_file_are_looked_at_when_settings_are_read(
    monkeypatch, tmp_path, caplog
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("MILLSTREAM_HOSTT=a\n")
    monkeypatch.setenv("MILLSTREAM_BATCHSIZE", "3")
    settings.cache_clear()
    settings()
    settings.cache_clear()
    assert len(unknown()) == 2
    assert "did you mean MILLSTREAM_HOST?" in caplog.text
    assert "did you mean MILLSTREAM_BATCH_SIZE?" in caplog.text
