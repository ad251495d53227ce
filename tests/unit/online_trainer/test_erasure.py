"""An erasure among the examples: rows of a person go, those of others stay, and it is in order."""

import numpy as np

from millstream.batches import decode_table
from millstream.ids import id64_array
from millstream.topics import EXAMPLES
from stream.ingest.decode import event_of
from stream.ingest.records import SourceRecord, TopicPartition
from stream.outputs.messages import messages
from tests.support.examples import example_message
from tests.support.stream_cases import START, MemoryStream


def known(trainer, users) -> np.ndarray:
    ids = id64_array(users)
    found = [learner.tables.knows("user_id", ids) for learner in trainer.learners.values()]
    return np.logical_or.reduce(found)


def erasure_by_the_stream(user: str) -> tuple[float, bytes]:
    """When the stream forgot `user`, and the message with which it tells the trainer."""
    deletion = SourceRecord(TopicPartition("users", 1), 7, user.encode(), None, START + 50)
    effects = MemoryStream().run_entries([event_of(deletion, START + 60)])
    (told,) = (message.value for message in messages(effects) if message.topic is EXAMPLES)
    return effects.made_at, told


def test_an_erased_person_has_no_row_and_the_message_costs_nothing_else(trainers):
    trainer = trainers.fresh()
    for number in range(4):
        trainer.consume(example_message(number, 50), number)
    table = decode_table(example_message(0, 50))
    users = sorted(set(table["user_id"].to_pylist()))
    before = known(trainer, users)
    erased, *others = [user for user, is_known in zip(users, before, strict=True) if is_known]
    made_at, told = erasure_by_the_stream(erased)
    consumed = trainer.consume(told, 4)
    assert (consumed.refused, consumed.learnt) == (None, 0)
    assert known(trainer, [erased]).tolist() == [False]
    assert known(trainer, others).all()
    assert (trainer.erased_through, trainer.offsets.offset) == (made_at, 5)
    for learner in trainer.learners.values():
        gone = [slab.rows.tombstones_after(learner.step) for slab in learner.tables.slabs.values()]
        assert id64_array([erased])[0] in np.concatenate([keys.ids for keys in gone])
