"""Every catalogue entry as one network from the same fields to one score, and data with a rule."""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest

from models.catalogue import CATALOGUE, build, find
from models.entry import Entry
from models.fields import Field

IDS = 30
LENGTH = 4


def planted_fields(length: int = LENGTH) -> tuple[Field, ...]:
    return (
        Field("user_id", width=8, rows=IDS + 1, belongs_to="user"),
        Field("recent", width=8, rows=IDS + 1, length=length, belongs_to="user",
              shared_with="item_id"),
        Field("user_age", "float", belongs_to="user"),
        Field("item_id", width=8, rows=IDS + 1, belongs_to="item"),
        Field("item_shape", "float", width=3, belongs_to="item"),
    )  # fmt: skip


def planted_rows(n: int, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A user likes an item where both have the same parity: every id alone says nothing."""
    rng = np.random.default_rng(seed)
    x: dict[str, np.ndarray] = {
        "user_id": rng.integers(1, IDS + 1, n),
        "recent": rng.integers(0, IDS + 1, (n, LENGTH)),
        "user_age": rng.random(n, dtype=np.float32),
        "item_id": rng.integers(1, IDS + 1, n),
        "item_shape": rng.random((n, 3), dtype=np.float32),
    }
    return x, (x["user_id"] % 2 == x["item_id"] % 2).astype(np.float32)


def network_of(entry: Entry, fields: tuple[Field, ...], **options: Any) -> keras.Model:
    """With those of the options that the entry has."""
    keras.utils.set_random_seed(7)
    known = entry.defaults()
    wanted = {"hidden": (16,), **options}
    built = build(entry.name, fields, **{k: v for k, v in wanted.items() if k in known})
    if entry.task == "ranking":
        return built
    towers = built.model.output
    cosine = keras.layers.Dot(axes=1)([towers["query"], towers["candidate"]])
    return keras.Model(built.model.input, keras.layers.Rescaling(8.0)(cosine), name=entry.name)


# Other retrieval models have a suite of their own, since not each reads every field.
NETWORKS = [
    entry
    for entry in CATALOGUE
    if entry.name == "two_tower" or (entry.task == "ranking" and entry.family != "trees")
]


@pytest.fixture(params=NETWORKS, ids=lambda entry: entry.name)
def entry(request) -> Entry:
    return request.param


@pytest.fixture
def network(entry) -> Callable[..., keras.Model]:
    """`network(length=4, **options)`: the entry's network on the planted fields."""

    def make(length: int = LENGTH, **options: Any) -> keras.Model:
        return network_of(entry, planted_fields(length), **options)

    return make


@pytest.fixture
def still(entry) -> keras.Model:
    """The entry's network, built once: for tests that leave its weights as they are."""
    return _still(entry.name)


@cache
def _still(name: str) -> keras.Model:
    return network_of(find(name), planted_fields())


@pytest.fixture
def trainable(network) -> Callable[..., keras.Model]:
    """`trainable(optimizer)`: the same, ready for `fit`; eager, which a few steps are faster in."""

    def make(optimizer: Any, *, eager: bool = True, **options: Any) -> keras.Model:
        model = network(**options)
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(optimizer, loss, jit_compile=False, run_eagerly=eager)
        return model

    return make


@pytest.fixture
def fields() -> tuple[Field, ...]:
    return planted_fields()


@pytest.fixture
def rows() -> Callable[..., tuple[dict[str, np.ndarray], np.ndarray]]:
    return planted_rows
