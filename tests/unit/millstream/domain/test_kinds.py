import pytest

from millstream.domain.kinds import Kind


@pytest.mark.parametrize(
    ("kind", "value", "label"),
    [
        (Kind(label=1), None, 1.0),
        (Kind(label=0), 5.0, 0.0),
        (Kind(), 5.0, None),
        (Kind(label_from=4.0), 4.0, 1.0),
        (Kind(label_from=4.0), 3.999, 0.0),
        (Kind(label_from=4.0), None, 0.0),
        (Kind(label_from=-1.0), -0.5, 1.0),
    ],
)
def test_a_label_is_fixed_or_by_the_value(kind, value, label):
    assert kind.labelled(value) == label


@pytest.mark.parametrize(
    ("kind", "value", "weight"),
    [
        (Kind(label=1, weight=3.0), 40.0, 3.0),
        (Kind(label=1, weight=3.0, weight_by_value=True), 40.0, 120.0),
        (Kind(label=1, weight_by_value=True), -1.0, 0.0),
        (Kind(label_from=30.0, weight=2.0, weight_by_value=True), 29.0, 2.0),  # a negative
    ],
)
def test_a_positive_weighs_by_its_value_where_it_is_to(kind, value, weight):
    assert kind.weighed(value) == weight


@pytest.mark.parametrize("label", [0, None])
def test_what_is_never_positive_cannot_weigh_by_its_value(label):
    with pytest.raises(ValueError, match="`weight_by_value` only where `label` is 1"):
        Kind(label=label, weight_by_value=True)


def test_only_a_kind_whose_label_or_weight_is_by_its_value_needs_one():
    assert Kind(label_from=4.0).needs_value
    assert Kind(label=1, weight_by_value=True).needs_value
    assert not Kind(label=1, value="seconds").needs_value
