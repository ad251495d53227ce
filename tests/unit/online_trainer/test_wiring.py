"""What the settings choose is there, or an error that says what could be chosen."""

import pytest

from millstream.errors import ConfigurationError
from millstream.settings import Settings
from online_trainer.wiring import Wiring


@pytest.mark.parametrize(
    ("setting", "name"),
    [("ranker", "dcn_v3"), ("ranker", "two_tower"), ("ranker", "xgboost"), ("retriever", "fm")],
)
def test_a_model_that_cannot_be_chosen_is_an_error_that_names_those_that_can(setting, name):
    with pytest.raises(ConfigurationError) as refused:
        Wiring(Settings(_env_file=None, **{setting: name}))
    text = str(refused.value)
    assert text.startswith(f"MILLSTREAM_{setting.upper()} must be one of ")
    assert {"ranker": "dcn_v2", "retriever": "two_tower"}[setting] in text
    assert text.endswith(f"Received: {name!r}.")
