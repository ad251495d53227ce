"""Sessions merged into a user: what they met is met by the user, once, and for every list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.stores.redis_online import Layouts
from features.validation import PROBE_PREFIX
from millstream.embedded.commands import EmbeddedCommands
from millstream.embedded.store import open_store
from millstream.sessions import session_user
from millstream.settings import Settings
from serving.merged_sessions import KEPT, MergedSession, decoded, encoded, merged
from serving.users import StoredUsers
from serving.wiring import ServingWorker
from stream.storage.embedded_connection import EmbeddedConnection
from stream.storage.schema import StateCommands
from tests.support.serving_api import client_of
from tests.support.serving_cases import upsert
from tests.support.stream_cases import MemoryStream, interaction, user_upsert

ITEMS = st.lists(st.sampled_from("abcdefgh"), unique=True)


class Shop:
    """A stream and the users that serving reads, on one store in a file."""

    def __init__(self, folder):
        self.settings = Settings(_env_file=None, data_dir=folder, exploration=0)
        prefix, project = self.settings.topic_prefix, self.settings.feast_project
        self.store = open_store(folder / "store.sqlite", prefix)
        self.client = EmbeddedCommands(self.store)
        self.users = StoredUsers(self.client, project, prefix)
        self._commands = StateCommands(prefix, Layouts(project))
        self._stream = MemoryStream()

    async def happened(self, *events):
        written = self._commands.commit(self._stream.run(*events))
        await EmbeddedConnection(self.store).call(written)


@pytest.fixture
def shop(tmp_path):
    found = Shop(tmp_path)
    yield found
    found.store.close()


@given(ITEMS, ITEMS, ITEMS)
def test_a_session_stands_between_what_came_before_and_after_the_merge(later, own, before):
    session = MergedSession(name="s", recent=own, after=before[0] if before else "")
    stored = list(dict.fromkeys([*later, *before]))
    found = session.among(stored)
    assert len(found) == len(set(found)) and set(found) == {*stored, *own}
    if before and before[0] not in later:
        assert found == list(dict.fromkeys([*later, *own, *before]))


def test_a_merge_that_is_said_again_changes_nothing_and_one_that_goes_on_takes_its_place():
    one = MergedSession(name="1", recent=["a"], after="x")
    two = MergedSession(name="2", recent=["b"])
    again = MergedSession(name="1", recent=["a"], after="y")
    longer = MergedSession(name="1", recent=["c", "a"], after="y")
    both = merged(merged([], one), two)
    assert decoded(encoded(both)) == [one, two] and decoded(None) == []
    assert merged(both, again) is both
    assert merged(both, longer) == [two, longer]
    many = both
    for number in range(10):
        many = merged(many, MergedSession(name=f"more {number}", recent=[]))
    assert [each.name for each in many] == [f"more {number}" for number in range(10 - KEPT, 10)]


async def test_a_login_makes_a_sessions_items_the_users_for_every_worker(shop):
    visitor = session_user("f3a9")
    await shop.happened(interaction(0, "ann", "a"), interaction(1, visitor, "b"))
    await shop.happened(interaction(2, visitor, "c"))
    worker = ServingWorker(shop.settings, store=shop.client)
    worker.catalogue.upsert([upsert(item) for item in "abcdef"])
    async with client_of(worker) as client:
        said = [await client.put("/v1/users/ann/sessions/f3a9") for _ in range(2)]
        await shop.happened(interaction(3, "ann", "d"))
        known = (await client.get("/v1/users/ann")).json()
        listed = (await client.post("/v1/recommend", json={"user_id": "ann", "k": 2})).json()
    assert [(each.status_code, each.json()) for each in said] == [
        (200, {"user_id": "ann", "session_id": "f3a9", "recent_items": ["c", "b"]})
    ] * 2
    assert known["recent_items"] == ["d", "c", "b", "a"]
    assert {item["item_id"] for item in listed["items"]} == {"e", "f"}
    user = await shop.users.read("ann")  # as another worker has it
    assert user.raw["user_recent_items"] == ["d", "c", "b", "a"]
    assert set(user.certainly_seen) == set("abcd")
    assert user.raw["user_events_30d"] == pytest.approx(2.0)  # counts are not the session's


async def test_what_has_left_the_recent_list_of_a_session_stays_seen(shop):
    visitor = session_user("f3a9")
    await shop.happened(*(interaction(n, visitor, f"i{n}") for n in range(300)))
    session = await shop.users.read(visitor)
    people = ServingWorker(shop.settings, store=shop.client).people
    await people.merge_session("ann", "f3a9")
    user = await shop.users.read("ann")
    assert user.raw["user_recent_items"] == list(session.raw["user_recent_items"])
    assert list(filter(None, user.filters)) == list(filter(None, session.filters)) != []


async def test_one_of_whom_only_a_session_is_known_is_known_and_can_be_erased(shop):
    await shop.happened(interaction(0, session_user("f3a9"), "b"), user_upsert(0, "ann", age=3.0))
    people = ServingWorker(shop.settings, store=shop.client).people
    assert await people.person("bob") is None
    assert (await people.merge_session("bob", "f3a9")).recent == ["b"]
    found = await people.person("bob")
    assert found is not None and found.features["user_recent_items"] == ["b"]
    people.forget("bob")  # before the stream has
    assert await people.person("bob") is None


async def test_a_probe_is_nobody_to_merge(shop):
    worker = ServingWorker(shop.settings, store=shop.client)
    async with client_of(worker) as client:
        answer = await client.put(f"/v1/users/{PROBE_PREFIX}/sessions/f3a9")
        assert (answer.status_code, answer.json()["detail"][0]["path"]) == (422, "$.user_id")
