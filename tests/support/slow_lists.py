"""Figures of lists the plain way: one question at a time, one definition at a time."""

from math import log2

import numpy as np


def slow_list(scores, seen, order):
    ranked = [i for i in range(len(scores)) if i not in seen]
    return sorted(ranked, key=lambda i: (-scores[i], order[i]))


def slow_figures(ranked, relevant, k):
    found = [item in relevant for item in ranked[:k]]
    best = min(k, len(relevant))
    precision = [sum(found[: r + 1]) / (r + 1) for r in range(len(found))]
    ranks = [r + 1 for r, item in enumerate(ranked) if item in relevant]
    return {
        f"recall@{k}": sum(found) / len(relevant),
        f"recall_capped@{k}": sum(found) / best,
        f"hit_rate@{k}": float(any(found)),
        f"ndcg@{k}": sum(hit / log2(r + 2) for r, hit in enumerate(found))
        / sum(1 / log2(r + 2) for r in range(best)),
        f"ap@{k}": sum(p for p, hit in zip(precision, found, strict=True) if hit) / best,
        f"mrr@{k}": max([1 / r for r in ranks if r <= k], default=0.0),
        "mrr": max([1 / r for r in ranks], default=0.0),
    }


def slow_gini(counts):
    differences = sum(abs(a - b) for a in counts for b in counts)
    return differences / (2 * len(counts) * sum(counts))


def slow_diversity(items, vectors):
    def cosine(a, b):
        lengths = np.linalg.norm(a) * np.linalg.norm(b)
        return 0.0 if lengths == 0 else float(a @ b / lengths)

    pairs = [(i, j) for i in items for j in items if i < j]
    if not pairs:
        return float("nan")
    return float(np.mean([1 - cosine(vectors[i], vectors[j]) for i, j in pairs]))
