"""Models that learn from a matrix at once."""

from models.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "item_knn",
        "neighbours",
        "matrix",
        "Sarwar et al., WWW 2001, https://doi.org/10.1145/371920.372071",
        "models.collaborative.neighbours:ItemNeighbours",
        learns_online=False,
    ),
    Entry(
        "user_knn",
        "neighbours",
        "matrix",
        "Herlocker et al., SIGIR 1999, https://doi.org/10.1145/312624.312682",
        "models.collaborative.neighbours:UserNeighbours",
        learns_online=False,
    ),
    Entry(
        "ease",
        "linear",
        "matrix",
        "Steck, WWW 2019, https://arxiv.org/abs/1905.03375",
        "models.collaborative.ease:Ease",
        learns_online=False,
    ),
    Entry(
        "als",
        "factorisation",
        "matrix",
        "Hu, Koren & Volinsky, ICDM 2008, https://doi.org/10.1109/ICDM.2008.22",
        "models.collaborative.als:ImplicitAls",
        learns_online=False,
    ),
    Entry(
        "bpr",
        "factorisation",
        "matrix",
        "Rendle et al., UAI 2009, https://arxiv.org/abs/1205.2618",
        "models.collaborative.bpr:Bpr",
        learns_online=False,
    ),
    Entry(
        "item2vec",
        "item vectors",
        "matrix",
        "Barkan & Koenigstein, 2016, https://arxiv.org/abs/1603.04259",
        "models.collaborative.item2vec:Item2Vec",
        learns_online=False,
    ),
    Entry(
        "item2vec_hs",
        "item vectors",
        "matrix",
        "Barkan & Koenigstein, 2016, https://arxiv.org/abs/1603.04259",
        "models.collaborative.item2vec:Item2Vec",
        options={"loss": "hierarchical"},
        learns_online=False,
    ),
)
