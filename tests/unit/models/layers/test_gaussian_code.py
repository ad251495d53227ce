import numpy as np
import pytest

from models.layers.gaussian_code import GaussianCode


def test_the_code_is_drawn_in_training_and_costs_its_divergence():
    layer = GaussianCode()
    mu, log_variance = 0.7, -1.3
    x = np.tile(np.array([mu, -mu, log_variance, log_variance], np.float32), (4000, 1))
    assert np.asarray(layer(x))[0].tolist() == pytest.approx([mu, -mu])
    layer.beta.assign(0.3)
    z = np.asarray(layer(x, training=True))
    assert z.mean(axis=0) == pytest.approx([mu, -mu], abs=0.05)
    assert z.std(axis=0) == pytest.approx([np.exp(log_variance / 2)] * 2, abs=0.05)
    # KL(N(m, s^2) || N(0, 1)), integrated numerically, twice.
    at = np.linspace(-8, 8, 20001)
    density = np.exp(-((at - mu) ** 2) / (2 * np.exp(log_variance)))
    density /= density.sum() * (at[1] - at[0])
    normal = np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi)
    kl = np.sum(density * np.log(np.maximum(density, 1e-300) / normal)) * (at[1] - at[0])
    assert float(layer.losses[0]) == pytest.approx(0.3 * 2 * kl, rel=1e-3)
