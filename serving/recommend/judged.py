"""What near-duplicates and diversity are judged by."""

import numpy as np

from serving.catalogue.catalogue import Catalogue
from serving.model.served import Retriever
from serving.recommend.options import Options
from serving.recommend.request import Ranked
from serving.rerank.arrange import Scored
from serving.rerank.scaling import unit_rows

_NO_BUCKET = -1


def judged(
    ranked: Ranked, catalogue: Catalogue, retriever: Retriever | None, options: Options
) -> Scored:
    """What `arrange` takes.

    Titles tell near-duplicates from the first day. Vectors do only for items that somebody has met:
    those of new items come from their categories alone, and being of one kind is not being alike.
    """
    rows, features = ranked.candidates.rows, ranked.features
    if retriever is None:
        vectors = category_vectors(features["item_categories"])
    else:
        vectors = retriever.index.vectors(rows)
    unit = unit_rows(vectors)
    met = features["item_updated_at"] > 0

    def bands(at: np.ndarray) -> np.ndarray:
        titles = catalogue.titles.bands(rows[at])
        if retriever is None:
            return titles
        hashed = retriever.hashed(vectors[at])
        hashed[~met[at]] = _NO_BUCKET
        return np.concatenate([titles, hashed], axis=1)

    def alike(one: int, other: int) -> bool:
        by_title = catalogue.titles.similarity(int(rows[one]), int(rows[other]))
        if by_title >= options.title_similarity:
            return True
        if retriever is None or not (met[one] and met[other]):
            return False
        return bool(unit[one] @ unit[other] >= options.vector_similarity)

    return Scored(ranked.scores, ranked.levels, lambda at: vectors[at], bands, alike)


def category_vectors(keys: np.ndarray) -> np.ndarray:
    """Which categories each item has, as a vector of zeros and ones.

    Args:
        keys: shape (n, length), int64, padded with 0.

    Returns:
        Shape (n, distinct categories).

    >>> category_vectors(np.array([[7, 9], [9, 0]]))
    array([[1., 1.],
           [0., 1.]])
    """
    distinct, place = np.unique(keys, return_inverse=True)
    vectors = np.zeros((len(keys), len(distinct)))
    np.put_along_axis(vectors, place.reshape(keys.shape), 1.0, axis=1)
    return vectors[:, distinct != 0]
