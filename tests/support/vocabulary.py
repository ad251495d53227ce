"""Hypothesis strategies over the whole vocabulary, up to its bounds."""

from typing import Any

from hypothesis import strategies as st

from features.spec import BY_NAME, FEATURES
from features.validation import ATTRIBUTES, MAX_CATEGORIES
from millstream.events import (
    KINDS,
    MAX_FLOAT32,
    Impression,
    Interaction,
    ItemUpsert,
    ShownItem,
    UserUpsert,
)
from tests.support.stream_cases import START


def texts(least: int, most: int) -> st.SearchStrategy[str]:
    """Short texts, and texts of every size up to the bound, of whatever UTF-8 can hold."""
    some = st.text(st.characters(codec="utf-8"), min_size=max(least, 1), max_size=6)
    full = st.builds(lambda part, size: (part * size)[:size], some, st.sampled_from([most]))
    return full | st.text(st.characters(codec="utf-8"), min_size=least, max_size=10)


ids = texts(1, 256).filter(lambda text: not text.startswith("__probe"))
times = st.floats(0.0, START)
numbers = st.floats(-MAX_FLOAT32, MAX_FLOAT32) | st.integers(-(10**6), 10**6)
contexts = st.dictionaries(texts(0, 128), texts(0, 1_000), max_size=5)


def _value(dtype: str, characters: int) -> st.SearchStrategy[Any]:
    if dtype == "string":
        return texts(0, characters)
    if dtype == "string_list":
        return st.lists(texts(0, characters), max_size=25)
    if dtype in ("float32_list", "float64_list"):
        return st.lists(numbers, max_size=25)
    if dtype == "int64":
        return st.integers(-(10**6), 10**6)
    return numbers | numbers.map(repr)


def features(entity: str) -> st.SearchStrategy[dict[str, Any]]:
    """Logged features of one entity, of the spec and of nobody's."""
    known = {
        f.name: st.none() | _value(f.dtype, f.max_characters)
        for f in FEATURES
        if f.entity == entity
    }
    return st.fixed_dictionaries({}, optional={**known, "of_another_version": texts(0, 1_000)})


def attributes(entity: str) -> st.SearchStrategy[dict[str, Any]]:
    """Attributes of an upsert."""
    scalars = {
        name: _value(feature.dtype, feature.max_characters)
        for name in ATTRIBUTES[entity]  # type: ignore[index]
        if not (feature := BY_NAME[f"{entity}_{name}"]).is_list
    }
    return st.fixed_dictionaries({}, optional=scalars)


interactions = st.builds(
    Interaction,
    event_id=ids,
    event_time=times,
    user_id=ids,
    item_id=ids,
    kind=st.sampled_from(KINDS),
    value=numbers,
    request_id=st.none() | ids,
    position=st.none() | st.integers(0, 2**31 - 1),
    context=contexts,
)
shown_items = st.builds(
    ShownItem,
    item_id=ids,
    position=st.integers(0, 2**31 - 1),
    score=numbers,
    propensity=st.floats(0.0, 1.0, exclude_min=True),
    source=texts(0, 128),
    features=features("item"),
)
impressions = st.builds(
    Impression,
    event_id=ids,
    event_time=times,
    request_id=ids,
    user_id=ids,
    items=st.lists(shown_items, min_size=1, max_size=4)
    | st.builds(lambda item, count: [item] * count, shown_items, st.integers(1, 1_000)),
    model_version=texts(0, 1_000),
    user_features=features("user"),
    context=contexts,
)
items = st.builds(
    ItemUpsert,
    event_id=ids,
    event_time=times,
    item_id=ids,
    title=st.none() | texts(0, 1_000),
    categories=st.lists(texts(1, 128), max_size=MAX_CATEGORIES),
    attributes=attributes("item"),
    created_at=st.none() | times,
    hidden=st.booleans(),
)
users = st.builds(
    UserUpsert, event_id=ids, event_time=times, user_id=ids, attributes=attributes("user")
)
events = interactions | impressions | items | users
