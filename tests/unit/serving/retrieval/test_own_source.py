"""A source of the project's own: what it finds is candidates, and what it breaks costs itself."""

import sys

import numpy as np
import pytest

from millstream.errors import ConfigurationError
from serving.retrieval.rankings import Rankings
from serving.retrieval.retrieve import Retrieval
from serving.retrieval.source import RetrievalRequest
from serving.users import StoredUser
from tests.support.serving_cases import NOW_S, catalogue_of

NAME = "own_sources_of_a_test:{}"
MODULE = """
class Backwards:
    def __init__(self, catalogue):
        self._catalogue = catalogue

    def find(self, wanted, count):
        return range(len(self._catalogue) + 5)[::-1]


class Broken:
    def __init__(self, catalogue):
        pass

    def find(self, wanted, count):
        raise RuntimeError("of the project")


class Twice(Broken):
    def find(self, wanted, count):
        return [1, 1]
"""


@pytest.fixture
def retrieval(tmp_path, monkeypatch):
    (tmp_path / "own_sources_of_a_test.py").write_text(MODULE)
    monkeypatch.setenv("MILLSTREAM_PROJECT", str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own_sources_of_a_test", raising=False)
    catalogue = catalogue_of(20)

    def made(name):
        weights = {"recent": 0.5, NAME.format(name): 0.5}
        return Retrieval(catalogue, Rankings(catalogue), weights)

    return made


def found(retrieval, allowed):
    wanted = RetrievalRequest(allowed, fresh=0, total=8, time_s=NOW_S)
    candidates, _ = retrieval.retrieve(wanted, StoredUser.unknown("u"))
    by = [candidates.sources_of(place) for place in range(len(candidates))]
    return dict(zip(candidates.rows.tolist(), by, strict=True))


def test_what_it_finds_and_may_be_shown_is_a_candidate(retrieval):
    allowed = np.ones(20, bool)
    allowed[19] = False
    by = found(retrieval("Backwards"), allowed)
    own = [row for row, sources in by.items() if NAME.format("Backwards") in sources]
    assert sorted(own) == [15, 16, 17, 18]
    assert sorted(set(by) - set(own)) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["Broken", "Twice"])
def test_one_that_fails_brings_nothing_and_the_others_its_share(retrieval, name, caplog):
    by = found(retrieval(name), np.ones(20, bool))
    assert sorted(by) == list(range(8))
    assert "brings nothing" in caplog.text


def test_one_that_is_not_there_is_no_configuration(retrieval):
    with pytest.raises(ConfigurationError, match="a module without 'Lost'"):
        retrieval("Lost")
