"""Removal of what is stored of features that are no more."""

from redis import Redis

from features.entity_rule import ITEM_RULE, USER_RULE
from stream.state.entities import pruned

# A stream worker may have written the entity since it was read: then it stays as that one wrote it.
_REPLACE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
  return 1
end
return 0
"""
_AT_ONCE = 1_000


def prune(redis: Redis, topic_prefix: str) -> int:
    """Rewrite the users and items that hold states which no feature of the list knows.

    A worker that runs keeps such states of the entities in its memory, and writes them again: let
    it be stopped meanwhile.

    Returns:
        How many were rewritten.
    """
    rewritten = 0
    for rule in (USER_RULE, ITEM_RULE):
        pattern = f"{topic_prefix}stream:{rule.entity}:*"
        for key in redis.scan_iter(match=pattern, count=_AT_ONCE):
            stored = redis.get(key)
            smaller = pruned(stored, rule) if isinstance(stored, bytes) else None
            if smaller is not None:
                rewritten += int(redis.eval(_REPLACE, 1, key, stored, smaller))  # type: ignore[arg-type]
    return rewritten
