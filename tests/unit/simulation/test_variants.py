"""Variants: settings from files and from the command line, checked before anything runs."""

import pytest

from millstream.errors import ConfigurationError
from millstream.settings import Settings
from simulation.cadence import Cadence
from simulation.variants import changed, given, variants


def test_a_file_and_pairs_say_the_same(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('diversity_strength = 0.25\nMILLSTREAM_RANKER = "dcn_v2"\n')
    values = {"diversity_strength": 0.25, "ranker": "dcn_v2"}
    assert given(str(path)) == given("diversity_strength=0.25,ranker=dcn_v2") == values
    own = changed(Settings(batch_size=7), values)
    assert (own.diversity_strength, own.ranker, own.batch_size) == (0.25, "dcn_v2", 7)


def test_every_set_runs_at_every_rhythm():
    rhythms = {"never": Cadence(5.0), "1h": Cadence(5.0, 3_600.0)}
    found = variants(Settings(), ["batch_size=8", "batch_size=9"], rhythms)
    assert [v.name for v in found] == [
        "batch_size=8, never",
        "batch_size=8, 1h",
        "batch_size=9, never",
        "batch_size=9, 1h",
    ]
    assert [v.settings.batch_size for v in found] == [8, 8, 9, 9]
    (alone,) = variants(Settings(batch_size=3), [], {"5m": Cadence(5.0)})
    assert alone.name == "" and alone.settings.batch_size == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "a file of settings .* or NAME=VALUE.* Received: 'nonsense'"),
        ("missing.toml", "missing.toml cannot be read as TOML"),
        ("nope=1", "Expected a setting. Received: 'nope'"),
        ("batch_size=many", "Setting batch_size: "),
    ],
)
def test_what_is_no_setting_is_named(text, message):
    with pytest.raises(ConfigurationError, match=message):
        variants(Settings(), [text], {"5m": Cadence()})
