import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.autoencoders.dynamic_autoencoder import dynamic_autoencoder
from models.autoencoders.minibatch_mf import minibatch_mf
from models.autoencoders.mult_vae import mult_dae, mult_vae
from models.fields import Field
from tests.support.networks import with_random_weights

FIELDS = (
    Field("user_id", width=4, rows=9, belongs_to="user"),
    Field("recent", width=4, rows=9, length=3, belongs_to="user", shared_with="item_id"),
    Field("item_id", width=4, rows=9, belongs_to="item"),
    Field("age", "float", belongs_to="user"),
)
ROWS = {"recent": np.array([[3, 4, 0], [5, 0, 0], [0, 0, 0]]), "item_id": np.array([3, 6, 8])}


def slow_input(table):
    """W^T x / |x|, x the one-hot vector of what is in the list."""
    x = np.zeros((3, 9))
    for row, ids in enumerate(ROWS["recent"]):
        x[row, [i for i in ids if i]] = 1.0
    return (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1.0)) @ table


def slow_logits(w, z):
    return (z * w["embedding.item_id/embeddings"][ROWS["item_id"]]).sum(1) + w[
        "bias.item_id/embeddings"
    ][ROWS["item_id"], 0]


def logits_of(network):
    sides = network.model(ROWS)
    return np.sum(sides["query"] * sides["candidate"], axis=1)


def test_the_tied_autoencoder_reads_and_writes_with_one_matrix():
    network = dynamic_autoencoder(FIELDS, dim=5)
    w = with_random_weights(network.model)
    z = np.tanh(slow_input(w["embedding.item_id/embeddings"]) + w["layer_0/bias"])
    assert_allclose(logits_of(network), slow_logits(w, z), rtol=1e-4, atol=1e-5)


def test_mult_dae_narrows_and_widens_again():
    network = mult_dae(FIELDS, dim=3, hidden=(6,))
    w = with_random_weights(network.model)
    z = np.tanh(slow_input(w["encoder.item_id/embeddings"]) + w["layer_0/bias"])
    for n in (1, 2):
        z = np.tanh(z @ w[f"layer_{n}/kernel"] + w[f"layer_{n}/bias"])
    assert z.shape == (3, 6)
    assert_allclose(logits_of(network), slow_logits(w, z), rtol=1e-4, atol=1e-5)


def test_mult_vae_serves_the_mean_of_its_code():
    network = mult_vae(FIELDS, dim=3, hidden=(6,))
    w = with_random_weights(network.model)
    z = np.tanh(slow_input(w["encoder.item_id/embeddings"]) + w["layer_0/bias"])
    mu = (z @ w["layer_1/kernel"] + w["layer_1/bias"])[:, :3]
    z = np.tanh(mu @ w["layer_2/kernel"] + w["layer_2/bias"])
    assert_allclose(logits_of(network), slow_logits(w, z), rtol=1e-4, atol=1e-5)


def test_the_factorisation_is_an_inner_product_and_a_bias():
    network = minibatch_mf(FIELDS, dim=5)
    w = with_random_weights(network.model)
    users = np.array([1, 2, 0])
    sides = network.model({"user_id": users, "item_id": ROWS["item_id"]})
    logits = np.sum(sides["query"] * sides["candidate"], axis=1)
    p = np.where(users[:, None] > 0, w["embedding.user_id/embeddings"][users], 0.0)
    assert_allclose(logits, slow_logits(w, p), rtol=1e-4, atol=1e-5)


def test_noise_leaves_entries_out_in_training_and_keeps_their_mean():
    network = mult_dae(FIELDS, dim=4, dropout=0.5, activation="linear")
    with_random_weights(network.model)
    x = {"recent": np.repeat(ROWS["recent"][:1], 4000, axis=0), "item_id": np.full(4000, 3)}
    noisy = np.asarray(network.model(x, training=True)["query"])
    still = np.asarray(network.model(x, training=False)["query"])
    assert len(np.unique(noisy.round(4), axis=0)) == 4  # each of two entries is there or not
    assert_allclose(noisy.mean(axis=0), still[0], atol=0.05)


@pytest.mark.parametrize("builder", [mult_dae, mult_vae, dynamic_autoencoder])
def test_a_list_without_its_items_is_refused(builder):
    with pytest.raises(ConfigurationError, match="one list of the user that shares the table"):
        builder([f for f in FIELDS if f.name != "recent"])
    with pytest.raises(ConfigurationError, match="must have a single id of the user"):
        minibatch_mf(FIELDS[2:])
