"""Keys as they are written down."""

import hashlib
import json

import pytest

from millstream.errors import ConfigurationError
from millstream.settings import Settings
from serving.security.access import access_from_settings
from serving.security.keys import keys_from_text

SECRET = "a secret of thirty characters!"
TABLE = {"key": SECRET, "scopes": ["events"], "limits": "5/second"}


def test_json_and_toml_say_the_same():
    toml = f'[web]\nkey = "{SECRET}"\nscopes = ["events"]\nlimits = "5/second"'
    for text in (json.dumps({"web": TABLE}), toml):
        caller = keys_from_text(text).caller(SECRET)
        assert (caller.name, caller.scopes) == ("web", {"events"})
        assert [str(limit) for limit in caller.limits] == ["5 per 1 second"]


def test_a_hash_stands_for_its_key_and_is_none_itself():
    hashed = f"sha256:{hashlib.sha256(SECRET.encode()).hexdigest()}"
    keys = keys_from_text(json.dumps({"web": {**TABLE, "key": hashed}}))
    assert keys.caller(SECRET).name == "web"
    assert keys.caller(hashed) is None


def test_the_old_key_and_the_new_one_are_both_known_while_they_are_changed():
    both = {"old": TABLE, "new": {**TABLE, "key": SECRET[::-1]}}
    keys = keys_from_text(json.dumps(both))
    assert [keys.caller(key).name for key in (SECRET, SECRET[::-1])] == ["old", "new"]


@pytest.mark.parametrize(
    "presented", ["", " ", SECRET[:-1], SECRET + " ", SECRET.upper(), "\udc00", "é"]
)
def test_what_is_no_key_is_nobody_s(presented):
    assert keys_from_text(json.dumps({"web": TABLE})).caller(presented) is None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"key": SECRET}, "must have `key`, `scopes`"),
        ({**TABLE, "scope": []}, "must have `key`, `scopes`"),
        ({**TABLE, "key": "short"}, "at least 20 characters"),
        ({**TABLE, "scopes": ["all"]}, "must be of admin, catalogue"),
        ({**TABLE, "scopes": []}, "must be of admin, catalogue"),
        ({**TABLE, "limits": "much"}, r"at `\$.web.limits`"),
        ("text", "Received: str"),
    ],
)
def test_a_wrong_table_is_named_without_its_secret(table, said):
    with pytest.raises(ConfigurationError, match=said) as raised:
        keys_from_text(json.dumps({"web": table}))
    assert SECRET not in str(raised.value) and "'short'" not in str(raised.value)


def test_text_that_is_neither_is_not_quoted():
    with pytest.raises(ConfigurationError, match="neither") as raised:
        keys_from_text(f'{{"web": "{SECRET}"')
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


def test_one_key_has_one_name():
    with pytest.raises(ConfigurationError, match="twice"):
        keys_from_text(json.dumps({"a": TABLE, "b": TABLE}))


def test_keys_come_from_a_file(tmp_path, monkeypatch):
    file = tmp_path / "keys"
    file.write_text(json.dumps({"web": TABLE}))
    monkeypatch.setenv("MILLSTREAM_API_KEYS_FILE", str(file))
    access = access_from_settings(Settings(_env_file=None, host="0.0.0.0"))
    assert access.keys.caller(SECRET).name == "web"
    file.unlink()
    with pytest.raises(ConfigurationError, match="MILLSTREAM_API_KEYS_FILE"):
        Settings(_env_file=None)


def test_no_setting_shows_a_key():
    settings = Settings(_env_file=None, api_keys=json.dumps({"web": TABLE}))
    assert SECRET not in repr(settings) and SECRET not in str(settings.model_dump())
