"""Lists of inputs compared, input by input."""

from msgspec.structs import replace

from features.signatures import input_signatures
from features.spec import model_inputs
from millstream.snapshots.signature import InputSignature, arranged, common, missing

A, B, C = (InputSignature(name=name, kind="float", side="user", version="1") for name in "abc")
CHANGED = replace(B, version="2")


def test_a_network_keeps_the_order_of_what_it_had_and_takes_what_is_new_at_its_end():
    assert arranged([A, B, C], [C, A]) == (C, A, B)
    assert arranged([A, B, C], []) == (A, B, C)


def test_an_input_that_is_computed_by_another_rule_is_another_input():
    assert common([A, B, C], [C, CHANGED]) == (C,)
    assert arranged([CHANGED, A], [A, B]) == (A, CHANGED)
    assert missing([CHANGED, A], [A, B]) == ["b (computed by another rule: 2, here 1)"]


def test_an_input_of_another_kind_is_named_as_such():
    assert missing([replace(A, length=3)], [A]) == ["a (of another kind)"]


def test_every_input_of_the_models_has_a_signature_of_its_own():
    found = input_signatures()
    assert [each.name for each in found] == [each.name for each in model_inputs()]
    assert len({each.version for each in found}) == len(found)
    assert {each.name for each in found if each.side == "item" and each.lasts} == {
        "item_id",
        "item_categories",
        "item_release_year",
    }
