"""Similarity inputs for deduplication and diversification."""

import numpy as np

from features.spec import GROUPS
from serving.catalogue.catalogue import Catalogue
from serving.catalogue.titles import Titles
from serving.model.served import ServedRetriever
from serving.recommend.options import ListOptions
from serving.recommend.request import Ranked
from serving.rerank.arrange import ScoredCandidates
from serving.similarity.near_duplicates import bucket_pairs
from serving.similarity.scaling import LOG_ODDS, centred, unit_rows
from serving.similarity.simhash import SimHash


def similarity_inputs(
    ranked: Ranked, catalogue: Catalogue, retriever: ServedRetriever | None, options: ListOptions
) -> ScoredCandidates:
    """Scored candidates as `arrange` takes them.

    Titles tell near-duplicates from the first day. Vectors do only for items that somebody has met:
    those of new items come from their categories alone, and being of one kind is not being alike.
    Vectors are compared as seen from the centre of what is compared: see `centred`.
    """
    rows, features = ranked.candidates.rows, ranked.features
    met = features["item_updated_at"] > 0

    def vectors(at: np.ndarray) -> np.ndarray:
        if retriever is None:
            return category_vectors(features[GROUPS][at])
        return centred(retriever.index.vectors(rows[at]))

    def near_duplicate_pairs(at: np.ndarray, compared: np.ndarray) -> np.ndarray:
        by_title = _similar_titles(catalogue.titles, rows[at], options.title_similarity)
        if retriever is None:
            return by_title
        by_vector = _similar_vectors(compared, retriever.hashed, options.vector_similarity)
        by_vector = by_vector[met[at][by_vector].all(axis=1)]
        return np.concatenate([by_title, by_vector])

    odds = LOG_ODDS[ranked.scale](ranked.scores)
    return ScoredCandidates(ranked.scores, odds, ranked.levels, vectors, near_duplicate_pairs)


def _similar_titles(titles: Titles, rows: np.ndarray, least: float) -> np.ndarray:
    pairs = bucket_pairs(titles.bands(rows))
    if not len(pairs):  # as in most lists
        return pairs
    return pairs[titles.similarities(rows[pairs]) >= least]


def _similar_vectors(vectors: np.ndarray, hashed: SimHash, least: float) -> np.ndarray:
    pairs = bucket_pairs(hashed(vectors))
    if not len(pairs):
        return pairs
    return pairs[np.einsum("ij,ij->i", *map(unit_rows, vectors[pairs.T])) >= least]


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
