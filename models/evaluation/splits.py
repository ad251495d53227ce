"""Which rows are learnt from, which decide when to stop, and which are scored at the end."""

from typing import NamedTuple

import numpy as np

from millstream.errors import ConfigurationError
from models.evaluation.dataset import TEST, TRAIN, VALID, Dataset

TEST_SHARE = 0.2
# Of the rows that are not for the test, where the dataset names none itself.
VALID_SHARE = 0.1
SPLITS = ("given", "random", "time", "progressive")


class Parts(NamedTuple):
    """Row numbers of the three parts."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def default_split(dataset: Dataset) -> str:
    """`given` where the dataset comes in parts, else `random`."""
    return "random" if dataset.parts is None else "given"


def split(dataset: Dataset, kind: str, seed: int = 0) -> Parts:
    """The three parts.

    Args:
        kind: `given` by the dataset; `random`; `time`: the oldest rows train, the newest test. A
            fifth is for the test, a tenth of the others for validation. A dataset that gives a
            test but no validation has a random tenth of its training rows taken for it.
        seed: of what is random.

    Raises:
        ConfigurationError: the dataset has no parts, or no times.
    """
    if kind == "given":
        return _given(dataset, seed)
    if kind == "time":
        return _cut(in_time_order(dataset))
    if kind == "random":
        return _cut(np.random.default_rng(seed).permutation(len(dataset)))
    raise ConfigurationError(f"`split` must be one of {SPLITS[:3]}. Received: {kind!r}.")


def in_time_order(dataset: Dataset) -> np.ndarray:
    """Row numbers, oldest first; rows of one time stay in their order.

    Raises:
        ConfigurationError: the dataset has no times.
    """
    if dataset.times is None:
        raise ConfigurationError(
            f"`split` by time needs a time in each row; dataset {dataset.name!r} has none."
        )
    return np.argsort(dataset.times, kind="stable")


def _cut(order: np.ndarray) -> Parts:
    test = round(len(order) * TEST_SHARE)
    valid = round((len(order) - test) * VALID_SHARE)
    train, valid_rows, test_rows = np.split(order, [len(order) - test - valid, len(order) - test])
    return Parts(train, valid_rows, test_rows)


def _given(dataset: Dataset, seed: int) -> Parts:
    if dataset.parts is None:
        raise ConfigurationError(
            f"`split` must not be 'given': dataset {dataset.name!r} comes in one part."
        )
    train, valid, test = (np.flatnonzero(dataset.parts == part) for part in (TRAIN, VALID, TEST))
    if not len(valid):
        train = np.random.default_rng(seed).permutation(train)
        train, valid = np.split(train, [len(train) - round(len(train) * VALID_SHARE)])
    return Parts(train, valid, test)
