"""The losses against what a loop over the events says, and what they are least at."""

import numpy as np
import pytest
from keras import ops

from models.losses.within_event import LOSSES, contrasted


def by_hand(kind, logits, labels, groups):
    found = np.zeros(len(logits))
    for group in np.unique(groups):
        own, positives, negatives = groups == group, [], []
        for row in np.flatnonzero(own):
            (positives if labels[row] > 0.5 else negatives).append(row)
        if not positives or not negatives:
            continue
        if kind == "softmax":
            for p in positives:
                odds = np.exp(logits[p]) / (np.exp(logits[p]) + np.exp(logits[negatives]).sum())
                found[p] = -np.log(odds)
        else:
            best = max(logits[p] for p in positives)
            for n in negatives:
                found[n] = np.log1p(np.exp(logits[n] - best)) / len(negatives)
    return found


@pytest.mark.parametrize("kind", ["softmax", "pairwise"])
def test_losses_are_those_of_each_event_by_itself(kind):
    rng = np.random.default_rng(0)
    groups = np.sort(rng.integers(0, 9, 40)).astype(np.int32)
    logits, labels = rng.normal(0, 3, 40), (rng.random(40) < 0.3).astype(np.float32)
    found = ops.convert_to_numpy(LOSSES[kind](logits.astype(np.float32), labels, groups))
    np.testing.assert_allclose(found, by_hand(kind, logits, labels, groups), atol=1e-5)
    both = [
        len({*labels[groups == g].tolist()}) == 2  # a positive and a negative
        for g in groups
    ]
    assert ops.convert_to_numpy(contrasted(labels, groups)).tolist() == both


@pytest.mark.parametrize("kind", ["softmax", "pairwise"])
def test_logits_without_bound_lose_without_bound_but_finitely(kind):
    logits = np.array([-1e4, 1e4, 1e4, -1e4], np.float32)
    labels, groups = np.array([1.0, 0.0, 1.0, 0.0], np.float32), np.array([0, 0, 1, 1], np.int32)
    found = ops.convert_to_numpy(LOSSES[kind](logits, labels, groups))
    assert found.sum() == pytest.approx(2e4)


def test_corrected_by_oversampling_the_softmax_is_least_at_the_true_odds_whatever_is_drawn():
    """Three items come next with shares p; negatives are drawn by q, which is far from uniform."""
    rng = np.random.default_rng(1)
    p, q = np.array([0.6, 0.3, 0.1]), np.array([0.7, 0.2, 0.1])
    own, drawn = rng.choice(3, 20_000, p=p), rng.choice(3, 20_000, p=q)
    events = np.arange(20_000, dtype=np.int32)
    groups = np.repeat(events, 2)
    items = np.stack([own, drawn], 1).ravel()
    labels = np.tile([1.0, 0.0], 20_000).astype(np.float32)

    def loss(scores):
        logits = (scores - np.log(3 * q))[items].astype(np.float32)
        return float(ops.sum(LOSSES["softmax"](logits, labels, groups)))

    least = loss(np.log(p))
    for item in range(3):
        for step in (-0.3, 0.3):
            assert loss(np.log(p) + step * (np.arange(3) == item)) > least
    assert loss(np.log(p) + 5.0) == pytest.approx(least, rel=1e-5)  # the event's own number
