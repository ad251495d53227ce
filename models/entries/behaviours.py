"""Rankers that read what the user did before."""

from models.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "din",
        "behaviour sequence",
        "ranking",
        "Zhou et al., KDD 2018, https://arxiv.org/abs/1706.06978",
        "models.ranking.din:din",
    ),
    Entry(
        "dien",
        "behaviour sequence",
        "ranking",
        "Zhou et al., AAAI 2019, https://arxiv.org/abs/1809.03672",
        "models.ranking.dien:dien",
    ),
    Entry(
        "dsin",
        "behaviour sequence",
        "ranking",
        "Feng et al., IJCAI 2019, https://arxiv.org/abs/1905.06482",
        "models.ranking.dsin:dsin",
    ),
    Entry(
        "tin",
        "behaviour sequence",
        "ranking",
        "Zhou et al., WWW 2024, https://arxiv.org/abs/2308.08487",
        "models.ranking.tin:tin",
    ),
)
