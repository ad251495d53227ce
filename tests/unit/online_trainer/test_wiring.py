"""What the settings choose is there, or an error that says what could be chosen."""

import pytest

from millstream.errors import ConfigurationError
from millstream.settings import Settings
from models.catalogue import CATALOGUE
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


@pytest.mark.parametrize("name", [e.name for e in CATALOGUE if e.task == "retrieval"])
def test_every_retrieval_model_is_put_together_from_the_inputs_of_the_system(name):
    wiring = Wiring(Settings(_env_file=None, retriever=name))
    learner = wiring.retriever()
    assert wiring.models()["retriever"]["name"] == name
    assert any(table.name == "item_id" for s in learner.tables.slabs.values() for table in s.tables)
