import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.dsin import dsin
from models.split import split

FIELDS = [
    Field("recent", width=4, rows=9, length=5, shared_with="item_id", times="when"),
    Field("when", "float", width=5),
    Field("item_id", width=4, rows=9),
    Field("age", "float"),
]
ROWS = {
    "recent": np.array([[3, 4, 5, 1, 2], [5, 7, 0, 0, 0], [0, 0, 0, 0, 0]]),
    "when": np.array(
        [[90_000, 89_000, 50_000, 49_000, 10_000], [9_000, 8_000, 0, 0, 0], [0] * 5], np.float32
    ),
    "item_id": np.array([3, 6, 1]),
    "age": np.array([0.5, -1.0, 2.0], np.float32),
}
SESSIONS = [[[3, 4], [5, 1], [2]], [[5, 7]], []]


def filled(model, scale=0.5):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) * scale)
    w = {v.path: keras.ops.convert_to_numpy(v).copy() for v in model.weights}
    w["embedding.item_id/embeddings"][0] = 0.0
    return w


def softmax(scores):
    scores = np.exp(np.array(scores))
    return scores / scores.sum()


def norm(x, w, name):
    z = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-3)
    return z * w[f"{name}/gamma"] + w[f"{name}/beta"]


def extracted(ids, k, w):
    """Eq. 2 to 6 for session k."""
    at = "interest.recent"
    x = np.array([w["embedding.item_id/embeddings"][i] for i in ids])
    x = x + w[f"{at}/session_bias"][k, 0] + w[f"{at}/entry_bias"][: len(ids)]
    x = x + w[f"{at}/component_bias"]
    attended = np.zeros_like(x)
    for h in range(2):
        own = slice(2 * h, 2 * h + 2)
        q, key, v = (
            x @ w[f"{at}/block/{part}/kernel"][:, own] for part in ("query", "key", "value")
        )
        for i in range(len(ids)):
            mixed = softmax(q[i] @ key.T / np.sqrt(2.0)) @ v
            attended[i] += mixed @ w[f"{at}/block/joined/kernel"][own]
    y = norm(x + attended, w, f"{at}/block/attended_norm")
    inner = np.maximum(y @ w[f"{at}/block/inner/kernel"] + w[f"{at}/block/inner/bias"], 0.0)
    outer = inner @ w[f"{at}/block/outer/kernel"] + w[f"{at}/block/outer/bias"]
    return norm(y + outer, w, f"{at}/block/norm").mean(axis=0)


def lstm(xs, w, direction):
    h, c, states = np.zeros(4), np.zeros(4), []
    at = f"evolution.recent/both/{direction}_lstm/lstm_cell"
    for x in xs:
        z = x @ w[f"{at}/kernel"] + h @ w[f"{at}/recurrent_kernel"] + w[f"{at}/bias"]
        i, f, g, o = np.split(z, 4)
        i, f, o = (1.0 / (1.0 + np.exp(-z)) for z in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        states.append(h)
    return states


def slow(w):
    logits = []
    for row, sessions in enumerate(SESSIONS):
        v = w["embedding.item_id/embeddings"][ROWS["item_id"][row]]
        both = np.zeros(12)
        if sessions:
            interests = np.array([extracted(ids, k, w) for k, ids in enumerate(sessions)])
            backward = lstm(interests[::-1], w, "backward")[::-1]
            evolved = np.hstack([lstm(interests, w, "forward"), backward])
            a = softmax([i @ w["attention.recent/kernel"] @ v for i in interests])
            b = softmax([h @ w["evolved_attention.recent/kernel"] @ v for h in evolved])
            both = np.concatenate([a @ interests, b @ evolved])
        x = np.concatenate([both, v, [ROWS["age"][row]]])
        x = np.maximum(x @ w["deep_0/kernel"] + w["deep_0/bias"], 0.0)
        logits.append(x @ w["logit/kernel"] + w["logit/bias"])
    return np.array(logits)


def test_it_is_the_papers_equations():
    model = dsin(FIELDS, sessions=4, entries=3, hidden=(5,))
    w = filled(model)
    assert_allclose(model(ROWS), slow(w), rtol=1e-4, atol=1e-5)


def test_a_list_without_times_is_one_session_whose_interest_stands_for_itself():
    fields = [Field("recent", width=4, rows=9, length=5, shared_with="item_id"), *FIELDS[2:]]
    model = dsin(fields, hidden=(5,))
    w = filled(model)
    first = np.array(model({k: ROWS[k] for k in model.input}))[0]
    interest = extracted(ROWS["recent"][0], 0, w)
    x = np.concatenate([interest, w["embedding.item_id/embeddings"][3], [0.5]])
    x = np.maximum(x @ w["deep_0/kernel"] + w["deep_0/bias"], 0.0)
    assert_allclose(first, x @ w["logit/kernel"] + w["logit/bias"], rtol=1e-4, atol=1e-5)
    assert not any("evolution" in path or "attention.recent" in path for path in w)


def test_one_step_moves_every_weight():
    model = dsin(FIELDS, hidden=(5,))
    model.compile(
        keras.optimizers.SGD(1.0),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    before = {w.path: w.numpy() for w in model.trainable_weights}
    model.train_on_batch(ROWS, np.array([1.0, 0.0, 1.0]))
    still = [w.path for w in model.trainable_weights if (w.numpy() == before[w.path]).all()]
    assert still == []


def test_more_padding_changes_nothing():
    model = dsin(FIELDS, hidden=(5,))
    filled(model)
    longer = [
        Field("recent", width=4, rows=9, length=9, shared_with="item_id", times="when"),
        Field("when", "float", width=9),
        *FIELDS[2:],
    ]
    other = dsin(longer, hidden=(5,))
    other.set_weights(model.get_weights())
    padded = {**ROWS, **{k: np.pad(ROWS[k], ((0, 0), (0, 4))) for k in ("recent", "when")}}
    assert_allclose(other(padded), model(ROWS), atol=1e-6)


def test_the_origin_of_time_changes_nothing_and_gaps_do():
    model = dsin(FIELDS, hidden=(5,))
    filled(model)
    base = np.array(model(ROWS))
    later = {**ROWS, "when": np.where(ROWS["when"] > 0, ROWS["when"] + 1e6, 0).astype(np.float32)}
    assert_allclose(model(later), base, atol=1e-6)
    one = {**ROWS, "when": ROWS["when"] / 100}
    assert not np.allclose(np.array(model(one))[0], base[0])


def test_it_splits_and_comes_back_from_a_file_with_sessions(tmp_path):
    model = dsin(FIELDS, hidden=(5,))
    filled(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_allclose(loaded(ROWS), model(ROWS), atol=1e-7)
    parts = split(loaded)
    table = loaded.get_layer("embedding.item_id")
    vectors = {u.input_name: np.array(table(ROWS[u.field])) for u in parts.lookups}
    assert_allclose(parts.body({**ROWS, **vectors}), model(ROWS), atol=1e-6)


def test_without_a_list_of_behaviours_the_error_says_what_was_expected():
    with pytest.raises(ConfigurationError, match="`fields` must have a list of ids whose `target`"):
        dsin([Field("item_id", width=4), Field("age", "float")])
