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


def test_only_a_kind_whose_label_is_by_its_value_needs_one():
    assert Kind(label_from=4.0).needs_value
    assert not Kind(label=1, value="seconds").needs_value
