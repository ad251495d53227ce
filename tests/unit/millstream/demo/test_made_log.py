"""A made log: in the domain's words, and with tastes that can be found."""

from collections import Counter, defaultdict

import msgspec
import pytest

from features.labels import label_of
from features.validation import event_of
from millstream.demo.log import DemoLog, first_met
from millstream.demo.made_log import NEXT, NOISE, Size, made_log
from millstream.domain import domain
from millstream.events import KINDS, AnyEvent, Interaction

ENDS_S = 1_700_000_000.0


@pytest.fixture(scope="module")
def log():
    return made_log(domain(), ENDS_S, Size(events=6_000, users=60, items=80, groups=8))


def test_every_event_is_let_in_as_it_is(log):
    for event in (*log.items, *log.users, *log.interactions):
        assert event_of(msgspec.to_builtins(event), AnyEvent, ENDS_S) == event


def test_the_log_is_in_time_order_and_ends_when_it_is_told_to(log):
    times = [event.event_time for event in log.interactions]
    assert times == sorted(times) and len(times) == 6_000
    assert ENDS_S - 60.0 < times[-1] < ENDS_S and times[0] == ENDS_S - 3 * 86_400.0
    assert {item.event_time for item in log.items} == {times[0]}


def test_labels_follow_the_planted_tastes_but_for_one_in_ten(log):
    """A person likes two groups of eight: the two of which they say yes most often."""
    said: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for event in log.interactions:
        label = label_of(event.kind, event.value)
        assert label is not None
        said[event.user_id][int(event.item_id.split("-")[1]) % 8].append(label)
    agree, total = 0.0, 0
    for groups in said.values():
        means = {group: sum(labels) / len(labels) for group, labels in groups.items()}
        liked = sorted(means, key=means.__getitem__)[-2:]
        agree += sum(sum(labels) for g, labels in groups.items() if g in liked)
        agree += sum(len(labels) - sum(labels) for g, labels in groups.items() if g not in liked)
        total += sum(map(len, groups.values()))
    assert agree / total == pytest.approx(1.0 - NOISE, abs=0.02)


def test_the_item_next_to_the_last_one_follows_more_often_than_chance(log):
    last: dict[str, int] = {}
    follows = Counter()
    for event in log.interactions:
        item = int(event.item_id.split("-")[1])
        if event.user_id in last:
            follows[item == (last[event.user_id] + 8) % 80] += 1
        last[event.user_id] = item
    assert follows[True] / follows.total() == pytest.approx(NEXT, abs=0.06)


def test_the_same_seed_makes_the_same_log_and_another_one_another():
    size = Size(events=200, users=20, items=20)
    first, again, other = (made_log(domain(), ENDS_S, size, seed) for seed in (1, 1, 2))
    assert (first.items, first.users, first.interactions) == (
        again.items,
        again.users,
        again.interactions,
    )
    assert first.interactions != other.interactions


def test_every_kind_that_has_a_label_is_said(log):
    labelled = {kind for kind in KINDS if domain().kinds[kind].labelled(0.0) is not None}
    assert {event.kind for event in log.interactions} == labelled


def test_the_catalogue_has_what_was_only_met_as_of_its_first_event(log):
    met = [
        Interaction(event_id=f"{n}", event_time=float(n), user_id="u", item_id=item, kind=KINDS[0])
        for n, item in enumerate(["item-1", "new", "new"])
    ]
    whole = DemoLog("log", log.items, [], met)
    assert whole.catalogue == [*log.items, first_met(met[1])]
    assert whole.catalogue[-1].event_time == 1.0
    assert whole.newest(2).interactions == met[1:] and whole.newest(None) is whole
