"""The log of the demo: from files, by name, or made."""

import pytest

from millstream.cli.demo_log import demo_log
from millstream.errors import DatasetError

LOG = """who,item_id,verb,timestamp
u2,b,like,200
u1,a,like,100
"""
ITEMS = """item_id,title,categories
a,The first,one|two
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "items.csv").write_text(ITEMS)
    (tmp_path / "users.csv").write_text("user_id,attributes.age\nu1,30\n")
    return tmp_path


RENAMED = {"who": "user_id", "verb": "kind", "timestamp": "event_time"}


def test_a_log_is_in_order_of_time_its_columns_renamed_and_tables_known_before_it(files):
    found = demo_log(
        [str(files / "log.csv")], [files / "items.csv"], [files / "users.csv"], RENAMED
    )
    assert found.name == "log.csv"
    assert [(e.user_id, e.item_id, e.event_time) for e in found.interactions] == [
        ("u1", "a", 100.0),
        ("u2", "b", 200.0),
    ]
    item, user = found.items[0], found.users[0]
    assert (item.title, item.categories, item.event_time) == ("The first", ["one", "two"], 100.0)
    assert (user.attributes, user.event_time) == ({"age": "30"}, 100.0)
    assert [each.item_id for each in found.catalogue] == ["a", "b"]


def test_a_file_of_lines_may_hold_upserts_too(files):
    (files / "log.jsonl").write_text(
        '{"type": "item", "item_id": "a", "title": "T"}\n'
        '{"type": "interaction", "user_id": "u", "item_id": "a", "kind": "like"}\n'
    )
    found = demo_log([str(files / "log.jsonl")])
    assert [item.title for item in found.items] == ["T"] and len(found.interactions) == 1


def test_a_log_without_interactions_is_refused(files):
    (files / "log.jsonl").write_text('{"type": "item", "item_id": "a", "title": "T"}\n')
    with pytest.raises(DatasetError, match=r"must have interactions. Received: none"):
        demo_log([str(files / "log.jsonl")])


def test_a_kind_of_another_domain_is_refused_with_its_line(files):
    (files / "log.csv").write_text(LOG.replace("like", "basket"))
    with pytest.raises(DatasetError, match=r"Received: 'basket' - at `line 2: \$.kind`"):
        demo_log([str(files / "log.csv")], renamed=RENAMED)


def test_without_data_the_log_is_made_in_the_words_of_the_domain():
    found = demo_log([])
    assert found.name == "a made log of films" and len(found.interactions) == 20_000
