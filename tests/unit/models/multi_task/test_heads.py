"""A head for each task over a network with one output."""

import keras
import numpy as np
import pytest

from models.fields import Field, Task
from models.multi_task.heads import side_by_side, with_heads
from models.rankers import ranking_network
from models.split import split
from models.task_names import tasks_in

FIELDS = [Field("user_id", width=4), Field("item_id", width=4), Field("age", "float")]
CONFIG = {"embedding_width": 4, "options": {"hidden": [8]}, "tasks": ["click", "stars:regression"]}
TASKS = (Task("click"), Task("stars", "regression"))
ROWS = {
    "user_id:vectors": np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32),
    "item_id:vectors": np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32),
    "age": np.arange(5, dtype=np.float32),
}


def body_of(network):
    return split(network).body


def outputs(network):
    body = body_of(network)
    given = {name: ROWS.get(name, np.zeros((5, *x.shape[1:]), np.float32))
             for name, x in body.input.items()}  # fmt: skip
    return {name: keras.ops.convert_to_numpy(x) for name, x in body(given).items()}


@pytest.mark.parametrize("name", ["dcn_v2", "deepfm", "lr"])
def test_the_first_task_has_the_networks_own_output_and_each_further_one_its_own(name):
    keras.utils.set_random_seed(1)
    options = {} if name == "lr" else CONFIG["options"]
    network = ranking_network({**CONFIG, "name": name, "options": options}, FIELDS)
    single = {w.path for w in ranking_network({"name": name, "options": options}, FIELDS).weights}
    own = {weight.path for weight in network.weights} - single
    assert own and all(path.startswith("stars.") for path in own)
    before = outputs(network)
    for weight in network.weights:
        if weight.path in own:
            weight.assign(weight + 1.0)
    after = outputs(network)
    assert np.array_equal(before["click"], after["click"])
    assert np.abs(before["stars"] - after["stars"]).min() > 0


def test_the_head_of_a_linear_map_is_another_map_of_the_same_values():
    network = ranking_network({**CONFIG, "name": "dcn_v2"}, FIELDS)
    kernel, bias = network.get_layer("logit").get_weights()
    network.get_layer("stars.logit").set_weights([2.0 * kernel, bias - 1.0])
    found = outputs(network)
    assert found["stars"] == pytest.approx(2.0 * (found["click"] - bias) + bias - 1.0, abs=1e-5)


def test_the_numbers_of_a_sum_count_with_a_factor_of_the_tasks_own():
    x, y = keras.Input((1,), name="x"), keras.Input((1,), name="y")
    network = keras.Model({"x": x, "y": y}, keras.layers.Add()([x, y]))
    found = with_heads(network, TASKS)
    found.get_layer("stars.numbers").set_weights([np.array([[2.0], [-1.0]]), np.array([3.0])])
    given = {"x": np.array([[5.0]]), "y": np.array([[7.0]])}
    assert {k: float(v[0, 0]) for k, v in found(given).items()} == {"click": 12.0, "stars": 6.0}
    columns = side_by_side(found, TASKS[::-1])(given)
    assert keras.ops.convert_to_numpy(columns).tolist() == [[6.0, 12.0]]


def test_a_network_of_several_tasks_is_built_for_those_of_the_configuration():
    network = ranking_network({**CONFIG, "name": "mmoe"}, FIELDS)
    assert set(network.output) == {"click", "stars"}
    one = ranking_network({"name": "mmoe", "options": {"hidden": [8]}}, FIELDS)
    assert one.output.shape == (None, 1)
    assert tasks_in({"name": "mmoe"}) == (Task("positive"),) and tasks_in(CONFIG) == TASKS
