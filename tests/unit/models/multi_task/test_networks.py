"""Networks with several heads against their papers, in NumPy."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.catalogue import build
from models.fields import Field
from models.multi_task.tasks import head
from models.task_names import tasks_of
from tests.support.networks import FIELDS, ROWS, columns, mlp, with_random_weights

DOMAIN = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], np.float32)
WITH_DOMAIN = (*FIELDS, Field("domain", "float", width=2))
ROWS_IN = {**ROWS, "domain": DOMAIN}
TASKS = ("click", "buy")


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(w, x, name):
    return x @ w[f"{name}/kernel"] + w.get(f"{name}/bias", 0.0)


def tower(w, x, task):
    return dense(w, mlp(w, x, f"{task}.tower", layers=1), f"{task}.logit")


def gated(w, x, outputs, name):
    shares = softmax(x @ w[f"{name}/kernel"])
    return sum(shares[:, i : i + 1] * each for i, each in enumerate(outputs))


def gate_nu(w, x, name):
    return 2 * sigmoid(dense(w, np.maximum(dense(w, x, f"{name}_in"), 0), f"{name}_out"))


def experts(w, x, count, name):
    return [mlp(w, x, f"{name}_{i}", layers=1) for i in range(count)]


def of_role(w, role):
    """The columns of the fields from the tables of a role."""
    renamed = {k.replace(f"{role}.", "embedding.", 1): v for k, v in w.items() if
               k.startswith(f"{role}.") and k.endswith("embeddings")}  # fmt: skip
    return np.hstack(columns(renamed))


def built(name, fields=FIELDS, **options):
    options = {"hidden": (5,), "tower": (4,), "tasks": TASKS, **options}
    model = build(name, fields, **{k: v for k, v in options.items() if v is not None})
    return model, with_random_weights(model)


def check(model, slow, rows=ROWS):
    outputs = model(rows)
    assert list(outputs) == list(slow)
    for task, expected in slow.items():
        assert_allclose(outputs[task], expected, rtol=1e-3, atol=1e-4, err_msg=task)


def test_shared_bottom():
    model, w = built("shared_bottom")
    x = mlp(w, np.hstack(columns(w)), "shared", layers=1)
    check(model, {task: tower(w, x, task) for task in TASKS})


def test_esmm_gives_the_logit_of_the_product():
    model, w = built("esmm", tower=None)
    x = np.hstack(columns(w))
    click = sigmoid(dense(w, mlp(w, x, "click.tower", 1), "click.logit"))
    rate = sigmoid(dense(w, mlp(w, x, "buy.tower", 1), "buy.rate"))
    p = click * rate
    check(model, {"click": np.log(click / (1 - click)), "buy": np.log(p / (1 - p))})
    with pytest.raises(ConfigurationError, match="`tasks` must be binary"):
        build("esmm", FIELDS, tasks=("click", "stars:regression"))


def test_mmoe_has_a_gate_for_each_task():
    model, w = built("mmoe", experts=3)
    x = np.hstack(columns(w))
    outputs = experts(w, x, 3, "shared.expert")
    check(model, {t: tower(w, gated(w, x, outputs, f"{t}.gate"), t) for t in TASKS})


def test_ple_extracts_level_by_level():
    model, w = built("ple", levels=2, task_experts=1, shared_experts=2)
    own = {task: np.hstack(columns(w)) for task in TASKS}
    shared = own["click"]
    for level in range(2):
        common = experts(w, shared, 2, f"shared.level_{level}.expert")
        special = {t: experts(w, own[t], 1, f"{t}.level_{level}.expert") for t in TASKS}
        if level == 0:
            everyone = special["click"] + special["buy"] + common
            shared = gated(w, shared, everyone, "shared.level_0.gate")
        own = {t: gated(w, own[t], special[t] + common, f"{t}.level_{level}.gate") for t in TASKS}
    check(model, {task: tower(w, own[task], task) for task in TASKS})
    assert "shared.level_1.gate/kernel" not in w
    with pytest.raises(ConfigurationError, match="must be at least 1. Received: 0"):
        build("ple", FIELDS, levels=0)


def test_stem_mixes_the_experts_of_all_groups():
    model, w = built("stem", experts=1)
    vectors = {"shared": np.hstack(columns(w))}
    vectors |= {task: of_role(w, f"{task}_rows") for task in TASKS}
    outputs = [experts(w, vectors[g], 1, f"{g}.expert")[0] for g in ("shared", *TASKS)]
    check(model, {t: tower(w, gated(w, vectors[t], outputs, f"{t}.gate"), t) for t in TASKS})


def test_in_stem_a_task_moves_its_own_tables_and_the_shared_ones_alone():
    import tensorflow as tf

    model, _ = built("stem", experts=1, hidden=(9,), tower=())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(ROWS)["click"])
    weights = model.trainable_weights
    gradients = tape.gradient(loss, [w.value for w in weights])
    moved = {w.path for w, g in zip(weights, gradients, strict=True)
             if g is not None and np.abs(g).max() > 0}  # fmt: skip
    assert {"embedding.item_id/embeddings", "click_rows.item_id/embeddings"} <= moved
    assert not {path for path in moved if path.startswith("buy")}


def test_ame_reads_tables_of_several_widths():
    model, w = built("ame", widths=(2, 6), experts=1)
    assert w["rows_0.item_id/embeddings"].shape[1] == 2
    vectors = [np.hstack(columns(w)), of_role(w, "rows_0"), of_role(w, "rows_1")]
    outputs = [experts(w, x, 1, f"shared.group_{n}.expert")[0] for n, x in enumerate(vectors)]
    x = np.hstack(vectors)
    check(model, {t: tower(w, gated(w, x, outputs, f"{t}.gate"), t) for t in TASKS})
    with pytest.raises(ConfigurationError, match="`widths` must be at least 1 each"):
        build("ame", FIELDS, widths=())


def test_pepnet_gates_vectors_by_domain_and_layers_by_person():
    model, w = built("pepnet", WITH_DOMAIN, tower=None, domain=("domain",), prior=("user_id",))
    x = np.hstack([*columns(w), DOMAIN])
    own = gate_nu(w, np.hstack([DOMAIN, x]), "shared.gate") * x
    person = np.hstack([columns(w)[0], own])
    slow = {}
    for task in TASKS:
        h = gate_nu(w, person, f"{task}.gate_0") * own
        h = np.maximum(dense(w, h, f"{task}.tower_0"), 0)
        slow[task] = dense(w, gate_nu(w, person, f"{task}.gate_1") * h, f"{task}.logit")
    check(model, slow, ROWS_IN)
    with pytest.raises(ConfigurationError, match="`prior` must name fields"):
        build("pepnet", WITH_DOMAIN, prior=("nobody",))


def test_star_has_weights_of_each_domain_times_shared_ones():
    model, w = built("star", WITH_DOMAIN, tower=None, tasks=("click",), auxiliary=(3,))
    norm = model.get_layer("shared.norm")
    norm.variance.assign(np.abs(norm.variance) + 0.5)
    x, d = np.hstack(columns(w)), DOMAIN.argmax(axis=1)
    variance = norm.variance.numpy()
    z = (x - w["shared.norm/mean"][d]) / np.sqrt(variance[d] + 1e-3)
    z = w["shared.norm/gamma"] * w["shared.norm/own_gamma"][d] * z
    z = z + w["shared.norm/beta"] + w["shared.norm/own_beta"][d]

    def layer(h, name):
        kernel = w[f"{name}/kernel"] * w[f"{name}/own_kernel"][d]
        return np.einsum("bi,biu->bu", h, kernel) + w[f"{name}/bias"] + w[f"{name}/own_bias"][d]

    main = layer(np.maximum(layer(z, "shared.layer_0"), 0), "click.logit")
    beside = mlp(w, np.hstack([DOMAIN, x]), "auxiliary", 1)
    check(model, {"click": main + dense(w, beside, "click.auxiliary")}, ROWS_IN)
    with pytest.raises(ConfigurationError, match="`domain` must name a float field, a one"):
        build("star", FIELDS, domain="user_id")


def test_m2m_makes_weights_of_the_scenario():
    model, w = built("m2m", WITH_DOMAIN, tower=1, experts=3, units=4, scenario_units=2)
    x = np.hstack([*columns(w), DOMAIN])
    s = mlp(w, DOMAIN, "shared.scenario", 1)
    views = np.stack([mlp(w, x, f"shared.expert_{i}", 2) for i in range(3)], axis=1)

    def meta(h, name):
        made = (s @ w[f"{name}/make_kernel"]).reshape(3, -1, 4) + w[f"{name}/kernel"]
        bias = s @ w[f"{name}/make_bias"] + w[f"{name}/bias"]
        return np.stack([h[b] @ made[b] + bias[b] for b in range(3)])

    slow = {}
    for task in TASKS:
        own = np.broadcast_to(w[f"{task}.vector/vector"], (3, 3, 4))
        met = np.maximum(meta(np.concatenate([views, own], axis=2), f"{task}.attention"), 0)
        alpha = softmax((met @ w[f"{task}.attention_v/kernel"])[..., 0])
        r = np.einsum("be,beu->bu", alpha, views)
        h = meta(r, f"{task}.tower_0") + r
        slow[task] = dense(w, np.where(h > 0, h, 0.3 * h), f"{task}.logit")
    check(model, slow, ROWS_IN)


def test_sar_net_weighs_behaviours_moves_vectors_and_weighs_its_debias_expert():
    fields = (*WITH_DOMAIN, Field("promoted", "float"))
    rows = {**ROWS_IN, "promoted": np.array([1.0, 0.0, 1.0], np.float32)}
    model, w = built("sar_net", fields, tasks=("click",), promoted=("promoted",), shared_experts=2)
    table = w["embedding.item_id/embeddings"]
    ids, mask = ROWS["recent"], (ROWS["recent"] > 0)[..., None]
    e = table[ids] * mask
    v = np.repeat(table[ROWS["item_id"]][:, None], 3, axis=1)
    s = np.repeat(DOMAIN[:, None], 3, axis=1)

    def strength(parts, name):
        x = np.concatenate(parts, axis=2)
        return sigmoid(dense(w, mlp(w, x, name, 1), f"{name}_weight"))

    weights = strength([e, v, e * v], "recent.by_item") * strength([e, s], "recent.by_scenario")
    parts = columns(w)
    parts[1] = (weights * mask * e).sum(axis=1)
    x = np.hstack(parts)
    h = (DOMAIN @ w["shared.beta/kernel"]) * x + DOMAIN @ w["shared.gamma/kernel"]
    d = DOMAIN.argmax(axis=1)
    own = np.stack(experts(w, h, 2, "domain.expert_0"), axis=1)[np.arange(3), d]
    outputs = [*experts(w, h, 2, "shared.expert"), own]
    mixed = gated(w, np.hstack([DOMAIN, h]), outputs, "click.gate")
    promoted = rows["promoted"][:, None]
    expert = mlp(w, np.hstack([h, promoted]), "debias.expert", 1)
    fair = mlp(w, np.hstack([promoted, DOMAIN]), "fairness", 1)
    mixed = mixed + sigmoid(dense(w, fair, "fairness_coefficient")) * expert
    check(model, {"click": tower(w, mixed, "click")}, rows)


def test_tasks_are_read_from_names():
    assert [t.kind for t in tasks_of(["click", "stars:regression"])] == ["binary", "regression"]
    with pytest.raises(ConfigurationError, match="`tasks` must be at least 2, of different names"):
        tasks_of(["click"], least=2)
    with pytest.raises(ConfigurationError, match="`kind` of task 'a' must be"):
        tasks_of(["a:count"])
    model = keras.Model(x := keras.Input((1,)), {"click": keras.layers.Dense(1)(x)})
    with pytest.raises(ConfigurationError, match=r"`task` must be one of \['click'\]"):
        head(model, "buy")
