"""What varies in a search, as a person writes it."""

import pytest
from optuna.trial import FixedTrial

from millstream.errors import ConfigurationError
from models.tuning.space import Choice, Range, space_of, suggested

KNOWN = {"rate": 0.1, "depth": 2, "hidden": (64,), "activation": "relu", "low_rank": None}


def test_numbers_lists_and_words_vary():
    space = space_of(
        ["rate=1e-4..1e-2:log", "depth=1..4", "hidden=64,64|128|", "activation=relu|gelu"], KNOWN
    )
    assert space["rate"] == Range(1e-4, 1e-2, log=True) and not space["rate"].is_whole
    assert space["depth"] == Range(1, 4) and space["depth"].is_whole
    assert space["hidden"].values == ((64, 64), (128,), ())
    trial = FixedTrial({"rate": 0.001, "depth": 3, "hidden": "128", "activation": "gelu"})
    expected = {"rate": 0.001, "depth": 3, "hidden": (128,), "activation": "gelu"}
    assert suggested(space, trial) == expected


def test_nothing_is_a_value_where_it_is_the_default():
    assert space_of(["low_rank=None|8"], KNOWN)["low_rank"] == Choice(("None", "8"), (None, 8))
    with pytest.raises(ConfigurationError, match="no None here"):
        space_of(["depth=None|8"], KNOWN)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["rate"], "expects NAME=LOW"),
        (["rate="], "expects NAME=LOW"),
        (["ratio=1..2"], r"expects one of \['activation', 'depth', .*Received: 'ratio'"),
        (["rate=2..1"], "the lower first"),
        (["rate=0..1:log"], "above 0 with :log"),
        (["rate=a..b"], "two numbers"),
        (["rate=0.1"], "two or more different values"),
        (["rate=0.1|0.1"], "two or more different values"),
        (["rate=1..2", "rate=2..3"], "each name once"),
        ([], "Received: nothing"),
    ],
)
def test_what_is_wrong_is_said(texts, expected):
    with pytest.raises(ConfigurationError, match=expected):
        space_of(texts, KNOWN)
