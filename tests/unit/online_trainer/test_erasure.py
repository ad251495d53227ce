"""An erasure among the examples: rows of a person go, those of others stay, and it is in order."""

import numpy as np

from millstream import erasures
from millstream.batches import decode_table, encode_table
from millstream.ids import id64_array
from tests.support.examples import example_message


def known(trainer, users) -> np.ndarray:
    ids = id64_array(users)
    found = [learner.tables.knows("user_id", ids) for learner in trainer.learners.values()]
    return np.logical_or.reduce(found)


def test_an_erased_person_has_no_row_and_the_message_costs_nothing_else(trainers):
    trainer = trainers.fresh()
    for number in range(4):
        trainer.consume(example_message(number, 50), number)
    table = decode_table(example_message(0, 50))
    users = sorted(set(table["user_id"].to_pylist()))
    before = known(trainer, users)
    erased, *others = [user for user, is_known in zip(users, before, strict=True) if is_known]
    told = {"source_topic": "users", **erasures.metadata([erased], 77.0)}
    consumed = trainer.consume(encode_table(table.slice(0, 0), told), 4)
    assert (consumed.refused, consumed.learnt) == (None, 0)
    assert known(trainer, [erased]).tolist() == [False]
    assert known(trainer, others).all()
    assert (trainer.erased_through, trainer.offsets.offset) == (77.0, 5)
    for learner in trainer.learners.values():
        gone = [slab.rows.tombstones_after(learner.step) for slab in learner.tables.slabs.values()]
        assert id64_array([erased])[0] in np.concatenate([keys.ids for keys in gone])
