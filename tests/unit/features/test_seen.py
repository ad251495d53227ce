"""When an item counts as seen: by its kinds, and for a time."""

import numpy as np
import pytest

from features import bloom
from features.seen import DEFAULT_RULE, Mark, entries_of, marks_by_kind, seen_rule
from millstream.domain.kinds import Kind
from millstream.domain.placements import Placement
from millstream.ids import id64_array

DAY_S = 86_400.0
NOW_S = 1_767_225_600.0
KINDS = {
    "view": Kind(seen=False),
    "click": Kind(label=1, seen_for=7 * DAY_S),
    "purchase": Kind(label=1),
}


def filter_of(entries):
    stored = bytearray(bloom.BITS // 8)
    for entry in entries:
        for bit in bloom.bits_of(entry):
            stored[bit >> 3] |= 0x80 >> (bit & 7)
    return np.unpackbits(np.frombuffer(bytes(stored), np.uint8))


def found(rule, stored, items, now_s):
    """Items of which a mark is in a filter."""
    keys, seen = id64_array(items), np.zeros(len(items), bool)
    for mark in rule.marks:
        for quarter in mark.counting(now_s):
            seen |= stored[bloom.bits_of_digests(mark.digests(keys, quarter))].all(axis=1)
    return [item for item, is_seen in zip(items, seen.tolist(), strict=True) if is_seen]


@pytest.mark.parametrize("kind", ["click", "purchase", "view"])
@pytest.mark.parametrize("age_s", [0.0, 0.9 * DAY_S, 1.3 * DAY_S, 6.9 * DAY_S, 8.8 * DAY_S])
@pytest.mark.parametrize(
    "placement",
    [
        None,
        Placement(seen_for=DAY_S),
        Placement(seen_kinds=("view", "purchase")),
        Placement(seen_kinds=("view",), seen_for=7 * DAY_S),
    ],
)
def test_a_filter_tells_what_the_rule_says(kind, age_s, placement):
    """Of a window of w, what is younger than w counts, and what is older than 1.25 w does not."""
    placements = {} if placement is None else {"home": placement}
    marks, rule = marks_by_kind(KINDS, placements), seen_rule(KINDS, placement)
    stored = filter_of(entries_of("a", kind, NOW_S - age_s, marks))
    windows = {mark.kind: mark.window_s for mark in rule.marks}
    expected = kind in windows and (windows[kind] is None or age_s < windows[kind])
    assert found(rule, stored, ["a", "b", "1"], NOW_S) == (["a"] if expected else [])
    by_item = rule.by_item and kind == "purchase"  # which has no time
    assert rule.counts(kind, NOW_S - age_s, NOW_S) == (expected or by_item)


def test_what_happened_counts_until_its_quarter_is_over():
    mark = Mark("click", 4 * DAY_S)
    at = [NOW_S - age * 3_600.0 for age in range(150)]
    counts = [mark.quarter(time_s) in mark.counting(NOW_S) for time_s in at]
    assert counts == sorted(counts, reverse=True)
    assert 4 * 24 <= sum(counts) - 1 <= 5 * 24


def test_without_a_kind_only_a_rule_of_all_kinds_counts():
    assert seen_rule(KINDS).counts("", 0.0, NOW_S)
    assert seen_rule(KINDS, Placement(seen_for=DAY_S)).counts("", 0.0, NOW_S)
    assert not seen_rule(KINDS, Placement(seen_kinds=("purchase",))).counts("", 0.0, NOW_S)


def test_a_domain_without_times_leaves_no_marks():
    """That of these tests is one."""
    assert marks_by_kind({"click": Kind(label=1)}, {"home": Placement()}) == {}
    assert DEFAULT_RULE.by_item and DEFAULT_RULE.marks == ()
    assert entries_of("a", "click", NOW_S) == []


def test_one_of_many_and_many_at_once_have_the_same_bits():
    digests = Mark("click", None).digests(id64_array([str(n) for n in range(50)]), 3)
    each = [bloom.bits_of(int(digest)) for digest in digests]
    assert [tuple(bits) for bits in bloom.bits_of_digests(digests).tolist()] == each
    assert len(set(each)) == 50
    assert {bit for bits in each for bit in bits} <= set(range(bloom.BITS))
