"""Contract of a rule."""

from collections.abc import Sequence

import numpy as np

from millstream.rules import Rule, RuleCandidates, ruled


def rule_contract(rule: Rule, features: Sequence[str] = (), length: int = 8) -> None:
    """Check that a rule does what lists need of it.

    It gives some of the positions that it takes, each once; the same for the same candidates; it
    takes no candidates, one and many; and it changes nothing of what it is given.

    Args:
        rule: of the project.
        features: columns that it reads.
        length: of those that are lists: a rule that reads lists takes (n, length) columns whose
            names end in `[]` here, such as `item_categories[]`.

    Raises:
        AssertionError: it does not; the text says what.
    """
    rng = np.random.default_rng(7)
    for count in (0, 1, 2, 50):
        candidates = _candidates(count, features, length, rng)
        order = rng.permutation(count)
        before = order.copy(), candidates.scores.copy()
        try:
            first, second = (ruled(rule, order, candidates) for _ in range(2))
        except Exception as error:
            raise AssertionError(
                f"A rule must take {count} candidates. It raised {type(error).__name__}: {error}"
            ) from error
        assert np.array_equal(first, second), "A rule must give the same for the same candidates."
        same = np.array_equal(order, before[0]) and np.array_equal(candidates.scores, before[1])
        assert same, "A rule must not change what it is given."


def _candidates(
    count: int, features: Sequence[str], length: int, rng: np.random.Generator
) -> RuleCandidates:
    columns = {
        name.removesuffix("[]"): rng.integers(
            0, 5, (count, length) if name.endswith("[]") else count
        ).astype(np.float64)
        for name in features
    }
    return RuleCandidates(rng.normal(size=count), rng.random(count) < 0.3, columns)
