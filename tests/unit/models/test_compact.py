import keras
import numpy as np

from models.compact import compact
from models.fields import Field
from models.inputs import FieldInputs
from models.ranking.dcn_v2 import dcn_v2
from models.split import Split, split

USER, ITEM, GENRE = (Field(name, width=4) for name in ("user_id", "item_id", "genre"))
RECENT = Field("recent", width=4, length=3, shared_with="item_id")
AGE = Field("age", "float")
ROWS = 5


def same_group(parts: Split) -> dict[str, str]:
    return dict.fromkeys(parts.tables, "4")


def test_the_network_gives_what_it_gave():
    parts = split(dcn_v2([USER, ITEM, AGE, RECENT, GENRE], hidden=(4,)))
    small = compact(parts, same_group(parts))
    rng = np.random.default_rng(0)
    fields: dict[str, np.ndarray] = {
        "age": rng.random(ROWS).astype(np.float32),
        "recent": rng.integers(0, 9, (ROWS, 3)),
        **{name: np.ones(ROWS, np.int64) for name in ("user_id", "item_id", "genre")},
    }
    vectors = {
        use.input_name: rng.random((*fields[use.field].shape, 4)).astype(np.float32)
        for use in parts.lookups
    }
    joined: dict[str, list[np.ndarray]] = {}
    for use in small.lookups:
        (old,) = (o for o in parts.lookups if (o.field, o.table) == (use.field, use.table))
        joined.setdefault(use.input_name, []).append(vectors[old.input_name])
    given = {name: np.concatenate(arrays, axis=-1) for name, arrays in joined.items()}
    given |= {name: fields[name] for name in small.body.input if name in fields}
    expected = parts.body({**fields, **vectors})
    np.testing.assert_allclose(small.body(given), expected, 1e-6)


def test_neighbours_are_joined_and_what_nothing_reads_is_gone():
    parts = split(dcn_v2([USER, ITEM, AGE, RECENT, GENRE], hidden=(4,)))
    small = compact(parts, same_group(parts))
    assert {name: x.shape[1:] for name, x in small.body.input.items()} == {
        "age": (),
        "genre:vectors": (4,),
        "recent": (3,),
        "recent:vectors": (3, 4),
        "user_id:vectors+1": (8,),
    }
    joined = [use.field for use in small.lookups if use.input_name == "user_id:vectors+1"]
    assert joined == ["user_id", "item_id"]


def test_vectors_of_different_groups_stay_apart():
    parts = split(dcn_v2([USER, ITEM], hidden=(4,)))
    small = compact(parts, {"user_id": "4", "item_id": "4:slow"})
    assert [*small.body.input] == ["item_id:vectors", "user_id:vectors"]


def test_vectors_with_a_second_use_stay_apart():
    inputs = FieldInputs([USER, ITEM])
    user, item = inputs.vectors(USER), inputs.vectors(ITEM)
    both = keras.layers.Concatenate()([user, item])
    output = keras.layers.Concatenate()([both, keras.layers.Multiply()([user, item])])
    parts = split(keras.Model(inputs.tensors, output))
    small = compact(parts, same_group(parts))
    assert {use.input_name for use in small.lookups} == {"user_id:vectors", "item_id:vectors"}


def test_weights_are_shared():
    parts = split(dcn_v2([USER, ITEM], hidden=(4,)))
    ours = {id(v) for v in compact(parts, same_group(parts)).body.variables}
    assert ours == {id(v) for v in parts.body.variables}
