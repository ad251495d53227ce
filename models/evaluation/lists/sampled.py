"""Lists from a sample: the right answer among random items, as some papers report.

Such figures are no estimate of those over the whole corpus, and may even put models in another
order (Krichene & Rendle, KDD 2020, https://doi.org/10.1145/3394486.3403226). They are here to
compare with published ones, and carry another protocol.

References: 100 uniform negatives: Kang & McAuley, ICDM 2018, https://arxiv.org/abs/1808.09781; 99:
He et al., WWW 2017, https://arxiv.org/abs/1708.05031; 100 by popularity: Sun et al., CIKM 2019,
https://arxiv.org/abs/1904.06690.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from models.evaluation.lists.figures import Figures, of_lists
from models.evaluation.lists.full_corpus import CELLS
from models.evaluation.lists.questions import Questions
from models.evaluation.lists.top_k import best_rank, top_k

CandidateScorer = Callable[[np.ndarray, np.ndarray], np.ndarray]


def sampled(
    score: CandidateScorer,
    questions: Questions,
    *,
    protocol: str = "",
    negatives: int = 100,
    by: Literal["uniform", "popularity"] = "uniform",
    popularity: np.ndarray | None = None,
    ks: Sequence[int] = (10,),
    seed: int = 0,
) -> Figures:
    """The figures of a model on the right answer and different items that were never seen.

    Args:
        score: (b,) question numbers and (b, 1 + negatives) items to scores of that shape.
        questions: each with one right answer.
        negatives: drawn for each question, without replacement, from what is neither in its
            history nor right.
        by: with equal chances, or in proportion to `popularity`.
        popularity: (items,) times that an item was in the training rows; for `popularity` alone.
        ks: lengths of lists.
        seed: of the draws, and of the order of equal scores.

    Raises:
        ValueError: questions with several answers, or with fewer items than are to be drawn.
    """
    if (questions.relevant.sizes != 1).any():
        raise ValueError("`questions` must have one right answer each. Received: more.")
    rng = np.random.default_rng(seed)
    order = rng.permutation(questions.items)
    weights = _weights(questions.items, by, popularity)
    parts: list[dict[str, np.ndarray]] = []
    step = max(1, CELLS // questions.items)
    for start in range(0, len(questions), step):
        which = np.arange(start, min(start + step, len(questions)))
        drawn = _drawn(questions, which, negatives, weights, rng)
        candidates = np.hstack([questions.relevant.take(which).values[:, None], drawn])
        scores = np.asarray(score(which, candidates), np.float64)
        right = np.zeros(candidates.shape, bool)
        right[:, 0] = True
        ties = order[candidates]
        hits = top_k(scores, min(max(ks), negatives + 1), ties) == 0
        found = {"mrr": 1.0 / best_rank(scores, right, ties)}
        for k in ks:
            found |= of_lists(hits, np.ones(len(which), np.int64), k)
        parts.append(found)
    per_question = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    values = {name: float(each.mean()) for name, each in per_question.items()}
    return Figures(f"{negatives} sampled, {by}; {protocol}", values, per_question)


def _weights(items: int, by: str, popularity: np.ndarray | None) -> np.ndarray:
    if by == "uniform":
        return np.ones(items)
    if by != "popularity" or popularity is None:
        raise ValueError(
            f"`by` must be 'uniform', or 'popularity' with `popularity`. Received: {by!r}."
        )
    return np.asarray(popularity, np.float64)


def _drawn(
    questions: Questions,
    which: np.ndarray,
    count: int,
    weights: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """(b, count) items: the largest log(weight) + Gumbel noise, a draw without replacement."""
    with np.errstate(divide="ignore"):
        keys = np.log(weights) + rng.gumbel(size=(len(which), questions.items))
    for lists in (questions.history, questions.seen, questions.relevant):
        part = lists.take(which)
        keys[part.lists, part.values] = -np.inf
    if (np.count_nonzero(np.isfinite(keys), axis=1) < count).any():
        raise ValueError(f"`negatives` must be left to draw for every question. Received: {count}.")
    return np.argpartition(keys, questions.items - count, axis=1)[:, questions.items - count :]
