"""Lists from the whole corpus: every item that was not seen is ranked for every question."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from models.evaluation.lists.figures import Figures, coverage, diversity, gini, of_lists
from models.evaluation.lists.questions import Questions
from models.evaluation.lists.top_k import best_rank, top_k

# Scores held at a time: 64 MiB of float32.
CELLS = 1 << 24

Scorer = Callable[[np.ndarray], np.ndarray]


def full_corpus(
    score: Scorer,
    questions: Questions,
    *,
    protocol: str = "",
    ks: Sequence[int] = (10,),
    vectors: np.ndarray | None = None,
    block: int | None = None,
    seed: int = 0,
) -> Figures:
    """The figures of a model on all items.

    Items of one score stand in one random order, the same for every question, whatever their
    numbers: a model that says nothing scores as chance does.

    Args:
        score: (b,) question numbers to (b, items) scores, higher first. NaN is refused.
        questions: what is asked.
        protocol: where they come from, such as `Protocol.name`.
        ks: lengths of lists.
        vectors: (items, width) what items are like, for `diversity@k`; None leaves it out.
        block: questions at a time; None is what `CELLS` scores allow.
        seed: of the order of equal scores.

    Returns:
        `recall@k`, `recall_capped@k`, `hit_rate@k`, `ndcg@k`, `ap@k`, `mrr@k`, `coverage@k` and
        `gini@k` for each k, `mrr` over all ranks, and `diversity@k`.

    Raises:
        ValueError: no question, a `k` below 1, or scores of another shape or with NaN.
    """
    _check(questions, ks)
    items, longest = questions.items, max(ks)
    order = np.random.default_rng(seed).permutation(items)
    units = None if vectors is None else _units(vectors)
    counts = {k: np.zeros(items, np.int64) for k in ks}
    parts: list[dict[str, np.ndarray]] = []
    for which in _blocks(len(questions), block or max(1, CELLS // items)):
        scores = _scores(score, which, items)
        scores[questions.seen.mask(which, items)] = -np.inf
        relevant = questions.relevant.mask(which, items)
        lists = top_k(scores, longest, order)
        hits = (lists >= 0) & np.take_along_axis(relevant, np.maximum(lists, 0), axis=1)
        found = {"mrr": 1.0 / best_rank(scores, relevant, order)}
        for k in ks:
            found |= of_lists(hits, questions.relevant.sizes[which], k)
            shown = lists[:, :k]
            counts[k] += np.bincount(shown[shown >= 0], minlength=items)
            if units is not None:
                found[f"diversity@{k}"] = diversity(shown, units)
        parts.append(found)
    per_question = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    values = {name: _mean(each) for name, each in per_question.items()}
    for k in ks:
        values |= {f"coverage@{k}": coverage(counts[k]), f"gini@{k}": gini(counts[k])}
    return Figures(f"full corpus; {protocol}", values, per_question)


def _check(questions: Questions, ks: Sequence[int]) -> None:
    if not len(questions):
        raise ValueError("`questions` must not be empty. Received: 0.")
    if not ks or min(ks) < 1:
        raise ValueError(f"`ks` must be at least 1 each. Received: {tuple(ks)}.")


def _blocks(count: int, size: int) -> Iterator[np.ndarray]:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))


def _scores(score: Scorer, which: np.ndarray, items: int) -> np.ndarray:
    """A copy that may be written to, of floats."""
    found = np.asarray(score(which))
    scores = np.array(found, np.result_type(found, np.float32))
    if scores.shape != (len(which), items):
        raise ValueError(
            f"`score` must give the shape {(len(which), items)}. Received: {scores.shape}."
        )
    if np.isnan(scores).any():
        raise ValueError(f"`score` must give numbers. Received: NaN for question {which[0]} or on.")
    return scores


def _units(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros(vectors.shape), where=length > 0)


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
