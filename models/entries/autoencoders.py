"""Models that score every item from all of a user's."""

from models.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "dynamic_autoencoder",
        "autoencoder",
        "autoencoder",
        "Moussawi, 2018, https://arxiv.org/abs/1809.00999",
        "models.autoencoders.dynamic_autoencoder:dynamic_autoencoder",
    ),
    Entry(
        "mult_dae",
        "autoencoder",
        "autoencoder",
        "Liang et al., WWW 2018, https://arxiv.org/abs/1802.05814",
        "models.autoencoders.mult_vae:mult_dae",
    ),
    Entry(
        "mult_vae",
        "autoencoder",
        "autoencoder",
        "Liang et al., WWW 2018, https://arxiv.org/abs/1802.05814",
        "models.autoencoders.mult_vae:mult_vae",
    ),
    Entry(
        "minibatch_mf",
        "factorisation",
        "autoencoder",
        "Moussawi, 2018, https://arxiv.org/abs/1809.00999",
        "models.autoencoders.minibatch_mf:minibatch_mf",
    ),
)
