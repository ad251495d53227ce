"""The contract of features: what keeps it, and what is caught."""

from dataclasses import dataclass

import numpy as np
import pytest

from features.families import Count, OwnNumbers, Recent, is_of
from features.update import Needs
from millstream.testing import feature_contract


@dataclass(frozen=True)
class Highest(OwnNumbers):
    """The highest value of some kinds."""

    kinds: tuple[str, ...] = ()
    needs = Needs(kinds=True, values=True)

    def after(self, before, ages_s, events):
        counts = is_of(events, self.kinds)[:, None]
        return np.where(counts, np.maximum(before, events.values[:, None]), before)


@dataclass(frozen=True)
class Mean(OwnNumbers):
    """The mean value: of two numbers kept one is shown."""

    width = 2
    needs = Needs(values=True)

    def after(self, before, ages_s, events):
        return before + np.stack([events.values, np.ones(len(ages_s))], axis=1)

    def shown(self, numbers):
        return numbers[:, 0] / np.maximum(numbers[:, 1], 1.0)


def test_features_of_ones_own_keep_it():
    feature_contract(Highest, kinds=("rating", "purchase"))
    feature_contract(Highest, "item", kinds=("rating",))
    feature_contract(Mean)


def test_families_of_the_package_keep_it():
    feature_contract(Count, of="people", half_life_s=60.0)
    feature_contract(Recent, length=4)


class _Plain(OwnNumbers):
    """Shows the number that it keeps."""

    def after(self, before, ages_s, events):
        return before + 1.0


class _Counting(_Plain):
    """Counts the batches, not the events."""

    def after(self, before, ages_s, events):
        calls = getattr(self, "calls", 0) + 1
        object.__setattr__(self, "calls", calls)
        return before + calls


class _Begun(_Plain):
    def shown(self, numbers):
        return numbers[:, 0] + 3.0


class _Infinite(_Plain):
    def after(self, before, ages_s, events):
        return before + np.inf


class _Whole(_Plain):
    """Looks at what others do in the same batch."""

    def after(self, before, ages_s, events):
        return before + len(ages_s)


@pytest.mark.parametrize(
    ("family", "text"),
    [
        (_Counting, "cut into batches"),
        (_Begun, "'user_own' must be its default, 0.0, before any event. Received: 3.0"),
        (_Infinite, "must be finite"),
        (_Whole, "cut into batches"),
    ],
)
def test_what_breaks_it_is_told(family, text):
    with pytest.raises(AssertionError, match=text):
        feature_contract(family)


def test_a_feature_that_loses_its_state_in_the_store_is_told(monkeypatch):
    from features.families import own

    monkeypatch.setattr(own._Numbers, "unpack", lambda *_: None)
    with pytest.raises(AssertionError, match="read back as it was"):
        feature_contract(Mean)
