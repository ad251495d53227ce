"""A network that gets an input more goes on as it was; one that loses an input loses only that."""

import keras
import numpy as np
import pytest

from models.catalogue import CATALOGUE, build, find
from models.fields import Field
from models.split import Split, split
from online_trainer.snapshots.kept_weights import carry_weights

FIELDS = (
    Field("user_id", width=4, belongs_to="user"),
    Field("user_age", "float", belongs_to="user"),
    Field("recent", width=4, length=3, belongs_to="user", shared_with="item_id"),
    Field("item_price", "float", belongs_to="item"),
    Field("item_id", width=4, belongs_to="item"),
)
ADDED = (
    Field("item_size", "float", belongs_to="item"),
    Field("user_city", width=4, belongs_to="user"),
)
ONLINE = [entry.name for entry in CATALOGUE if entry.learns_online]
# Attention shares out by a softmax: over fields (autoint) or pairs of fields (afm), and what a new
# one gets is taken from the others. The excitation of fibinet_pp reads the means of all fields'
# groups and then their maxima, the adapter of adaf2m2 the norms of the ids among the fields: orders
# that only the layer knows.
BEGIN_WARM = {"adaf2m2", "afm", "autoint", "autoint_plus", "fibinet_pp"}
# Those where an input at zero is as if it were not there: no bias, norm or power of its own.
BLIND_TO_ZERO = ["deepfm", "dcn_v2_mix", "fefm", "ffm", "fibinet", "ipnn", "kpnn", "xdeepfm"]


def built(name: str, fields: tuple[Field, ...]) -> keras.Model:
    keras.utils.set_random_seed(7)
    known = find(name).defaults()
    wanted = {"hidden": (8,), "maps": (4, 4)}
    made = build(name, fields, **{key: v for key, v in wanted.items() if key in known})
    return made if isinstance(made, keras.Model) else made.model


def learnt(name: str) -> keras.Model:
    """With weights that are all drawn at random, so that no two are alike."""
    model, rng = built(name, FIELDS), np.random.default_rng(1)
    for weight in model.variables:
        if weight.dtype == "float32":
            drawn = rng.normal(scale=0.4, size=weight.shape)
            weight.assign(np.abs(drawn) + 0.1 if "variance" in weight.path else drawn)
    return model


def rows(parts: Split, zeros: set[str]) -> dict[str, np.ndarray]:
    """Inputs of a body at random, those of the fields `zeros` at zero."""
    rng = np.random.default_rng(2)
    owner = {use.input_name: use.field for use in parts.lookups}
    found = {}
    for x in parts.body.inputs:
        shape = (16, *x.shape[1:])
        drawn = np.ones(shape) if x.dtype == "int64" else rng.normal(size=shape)
        if owner.get(x.name, x.name) in zeros:
            drawn *= 0
        found[x.name] = drawn.astype(x.dtype)
    return found


def scores(parts: Split, given: dict[str, np.ndarray]) -> np.ndarray:
    """Of rows that may be of a network with more fields, the last ones."""
    own = {x.name: given[x.name] for x in parts.body.inputs}
    own = {
        name: array if array.ndim == 1 else array[..., : parts.body.input[name].shape[-1]]
        for name, array in own.items()
    }
    outputs = keras.tree.flatten(parts.body(own, training=False))
    rows = [keras.ops.convert_to_numpy(each).reshape(len(each), -1) for each in outputs]
    return np.concatenate(rows, axis=-1)


@pytest.mark.parametrize("name", ONLINE)
def test_after_a_float_and_an_id_are_added_every_score_is_what_it_was(name):
    old, new = learnt(name), built(name, (*FIELDS, *ADDED))
    carry_weights(old, new, old)
    before, after = split(old), split(new)
    given = rows(after, {"user_city"})  # none of its ids has a row yet
    expected, found = scores(before, given), scores(after, given)
    change = np.abs(found - expected).max() / np.abs(expected).max()
    assert np.isfinite(change)
    assert (change > 1e-3) if name in BEGIN_WARM else (change < 1e-5)


@pytest.mark.parametrize("name", BLIND_TO_ZERO)
def test_after_inputs_among_others_are_gone_scores_are_those_of_before_with_them_at_zero(name):
    gone = {"user_id", "item_price"}
    left = tuple(f for f in FIELDS if f.name not in gone)
    old, new = learnt(name), built(name, left)
    carry_weights(old, new, new)
    before, after = split(old), split(new)
    given = rows(before, gone)
    expected, found = scores(before, given), scores(after, narrowed(after, given, name))
    assert found == pytest.approx(expected, abs=1e-4)


def narrowed(parts: Split, given: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """Of vectors with a part for each field, those of the fields that are left."""
    if name != "ffm":
        return given
    left = [n for n, f in enumerate(FIELDS) if f.name not in ("user_id", "item_price")]
    places = (np.array(left)[:, None] * 4 + np.arange(4)).ravel()
    return {k: v[..., places] if k.endswith(":vectors") else v for k, v in given.items()}
