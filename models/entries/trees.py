"""Rankers that are trees."""

from models.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "xgboost",
        "trees",
        "ranking",
        "Chen & Guestrin, KDD 2016, https://arxiv.org/abs/1603.02754",
        "models.trees.boosted:xgboost",
        learns_online=False,
    ),
    Entry(
        "gbdt_lr",
        "trees",
        "ranking",
        "He et al., ADKDD 2014, https://doi.org/10.1145/2648584.2648589",
        "models.trees.gbdt_lr:gbdt_lr",
        learns_online=False,
    ),
    Entry(
        "lambdamart",
        "trees",
        "ranking",
        "Burges, 2010, https://www.microsoft.com/en-us/research/publication/"
        "from-ranknet-to-lambdarank-to-lambdamart-an-overview/",
        "models.trees.lambdamart:lambdamart",
        learns_online=False,
        needs_groups=True,
    ),
)
