"""Figures of lists: of each question, and of all lists together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np


@dataclass(frozen=True)
class Figures:
    """What the lists of one model have reached.

    Args:
        protocol: how they were asked; figures of two protocols cannot be compared.
        values: by name, such as `ndcg@10`.
        per_question: by name, (n,): what `values` are means of; not of coverage and Gini.
    """

    protocol: str
    values: Mapping[str, float]
    per_question: Mapping[str, np.ndarray]


def spread(runs: Sequence[Figures]) -> dict[str, tuple[float, float]]:
    """By name: the mean and the standard deviation over runs, 0 for one.

    Raises:
        ValueError: there is no run, or runs are of different protocols.
    """
    protocols = sorted({run.protocol for run in runs})
    if len(protocols) != 1:
        raise ValueError(f"`runs` must be of one protocol. Received: {protocols}.")
    found = {name: [run.values[name] for run in runs] for name in runs[0].values}
    return {n: (fmean(v), stdev(v) if len(v) > 1 else 0.0) for n, v in found.items()}


def of_lists(hits: np.ndarray, relevant: np.ndarray, k: int) -> dict[str, np.ndarray]:
    """Figures of each list, (n,) each, by name.

    Args:
        hits: (n, k or more) bool, best first: whether the place holds a relevant item.
        relevant: (n,) how many there are, above 0.
        k: places that count.

    `recall` = hits / relevant; `recall_capped` = hits / min(k, relevant), Liang et al., WWW 2018,
    https://arxiv.org/abs/1802.05814, section 4.2; `hit_rate` 1 for any hit; `ndcg` = sum over hits
    1 / log2(1 + rank), over its greatest value; `ap` = sum over hits of precision there, over
    min(k, relevant); `mrr` = 1 / rank of the first hit.
    """
    hits = hits[:, :k].astype(np.float64)
    ranks = np.arange(1, hits.shape[1] + 1)
    found = hits.sum(axis=1)
    capped = np.minimum(relevant, k)
    discount = 1.0 / np.log2(1.0 + ranks)
    ideal = np.r_[0.0, np.cumsum(1.0 / np.log2(1.0 + np.arange(1, k + 1)))][capped]
    precision = np.cumsum(hits, axis=1) / ranks
    return {
        f"recall@{k}": found / relevant,
        f"recall_capped@{k}": found / capped,
        f"hit_rate@{k}": (found > 0).astype(np.float64),
        f"ndcg@{k}": (hits @ discount) / ideal,
        f"ap@{k}": (hits * precision).sum(axis=1) / capped,
        f"mrr@{k}": (hits / ranks).max(axis=1),
    }


def coverage(counts: np.ndarray) -> float:
    """Share of the items that came in any list; `counts` are an item's lists."""
    return float(np.count_nonzero(counts) / len(counts))


def gini(counts: np.ndarray) -> float:
    """Inequality of how often items came in lists: 0 is even, (n - 1) / n one item alone.

    >>> gini(np.array([1, 1])), gini(np.array([0, 4]))
    (0.0, 0.5)
    """
    n, total = len(counts), counts.sum()
    if not total:
        return float("nan")
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(counts) / (n * total))


def diversity(lists: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Mean of 1 - cosine over the pairs of each list, (n,); NaN for a list without a pair.

    Args:
        lists: (n, k) items, -1 for none.
        units: (items, width) vectors of length 1; zeros are like no other.
    """
    listed = lists >= 0
    vectors = np.where(listed[..., None], units[np.where(listed, lists, 0)], 0.0)
    total = np.square(vectors.sum(axis=1)).sum(axis=1)
    own = np.square(vectors).sum(axis=(1, 2))
    size = listed.sum(axis=1)
    pairs = size * (size - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, 1.0 - (total - own) / pairs, np.nan)
