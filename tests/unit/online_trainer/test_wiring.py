"""What the settings choose is there, or an error that says what could be chosen."""

import sys

import pytest

from features.signatures import input_signatures
from millstream.errors import ConfigurationError
from millstream.settings import Settings
from models.autoencoders.online import Reconstruction
from models.catalogue import CATALOGUE
from online_trainer.wiring import Wiring
from serving.model.programs import Programs


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


@pytest.mark.parametrize(
    "name", [e.name for e in CATALOGUE if e.task in ("retrieval", "autoencoder")]
)
def test_every_retrieval_model_is_put_together_from_the_inputs_of_the_system(name):
    wiring = Wiring(Settings(_env_file=None, retriever=name))
    learner = wiring.retriever()
    assert wiring.models()["retriever"]["name"] == name
    assert any(table.name == "item_id" for s in learner.tables.slabs.values() for table in s.tables)


def test_options_of_an_autoencoders_learning_stand_beside_those_of_its_network():
    options = {"dim": 6, "hidden": [], "loss": "logistic", "confidence": 2.0}
    wiring = Wiring(Settings(_env_file=None, retriever="mult_vae", retriever_options=options))
    served = Programs().retriever(wiring.models()["retriever"], input_signatures())
    assert served.dim == 7  # and the item's bias
    objective = wiring.retriever().objective
    assert isinstance(objective, Reconstruction)
    assert (objective.loss, objective.confidence) == ("logistic", 2.0)
    wrong = Settings(_env_file=None, retriever="mult_vae", retriever_options={"confidnce": 1})
    with pytest.raises(ConfigurationError, match=r"must be among .*'confidence'.*confidnce"):
        Wiring(wrong).retriever()


def test_a_retriever_of_the_projects_own_is_trained_and_built_alike_in_serving(
    tmp_path, monkeypatch
):
    (tmp_path / "own_towers_of_a_test.py").write_text(
        "from models.retrieval.two_tower import two_tower\n"
        "def towers(fields, *, wide=8):\n"
        "    return two_tower(fields, dim=wide, hidden=())\n"
    )
    monkeypatch.setenv("MILLSTREAM_PROJECT", str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = "own_towers_of_a_test:towers"
    settings = Settings(
        _env_file=None, retriever=name, retriever_options={"wide": 6}, embedding_width=4
    )
    wiring = Wiring(settings)
    config = wiring.models()["retriever"]
    served = Programs().retriever(config, input_signatures())
    assert (config["name"], served.dim) == (name, 6)
    learner = wiring.retriever()
    learnt = {table.name for slab in learner.tables.slabs.values() for table in slab.tables}
    assert learnt == {*served.query.tables, *served.candidate.tables}
