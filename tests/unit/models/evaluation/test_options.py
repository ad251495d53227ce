import pytest

from millstream.errors import ConfigurationError
from models.catalogue import find
from models.evaluation.options import options_of


def test_an_option_goes_to_the_models_that_have_it():
    found = options_of(["hidden=32,16", "crosses=3"], [find("lr"), find("deepfm"), find("dcn_v2")])
    assert found == {
        "lr": {},
        "deepfm": {"hidden": (32, 16)},
        "dcn_v2": {"hidden": (32, 16), "crosses": 3},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hidden", "`option` must be NAME=VALUE. Received: 'hidden'"),
        ("colour=1", r"`option` must be one of \['dropout', 'hidden'\]. Received: 'colour'"),
    ],
)
def test_an_option_that_no_model_has_is_refused(text, message):
    with pytest.raises(ConfigurationError, match=message):
        options_of([text], [find("lr"), find("deepfm")])
