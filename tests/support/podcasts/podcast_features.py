"""A feature of the domain's own."""

from dataclasses import dataclass

import numpy as np

from features.families import OwnNumbers, is_of
from features.update import Needs


@dataclass(frozen=True)
class Longest(OwnNumbers):
    """The highest value of events of some kinds."""

    kinds: tuple[str, ...] = ()
    needs = Needs(kinds=True, values=True)

    def after(self, before, ages_s, events):
        counts = is_of(events, self.kinds)[:, None]
        return np.where(counts, np.maximum(before, events.values[:, None]), before)
