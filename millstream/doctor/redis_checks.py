"""Redis: whether it keeps what it has acknowledged."""

from collections.abc import Mapping
from typing import Any

from millstream.doctor.finding import Finding, fail, ok, warn

PART = "Redis"
FULL, NEARLY_FULL = 0.95, 0.8
Info = Mapping[str, Any]


def is_a_primary(info: Info) -> Finding:
    """Check that it takes writes, and transactions over all keys."""
    if info.get("cluster_enabled"):
        return fail(
            PART,
            "Redis is a cluster",
            "Use one primary with replicas: a batch is one transaction over all keys",
        )
    if info.get("role", "master") != "master":
        return fail(PART, "Redis is a replica", "Let REDIS_URL name the primary")
    return ok(PART, f"Redis {info.get('redis_version', '?')}, primary")


def keeps_its_data(info: Info) -> Finding:
    """Check that an end of the server loses nothing but a second."""
    if not info.get("aof_enabled"):
        return warn(
            PART,
            "The append-only file is off",
            "Set `appendonly yes`: after a crash the stream otherwise works anew on what was lost",
        )
    if info.get("aof_last_write_status", "ok") != "ok":
        return fail(PART, "The append-only file cannot be written", "Free the disk of Redis")
    return ok(PART, "append-only file on")


def evicts_nothing(info: Info) -> Finding:
    """Check that a full memory refuses writes instead of removing keys."""
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return fail(
            PART,
            f"maxmemory-policy is {policy}",
            "Set `maxmemory-policy noeviction`: state that is evicted is wrong state",
        )
    return ok(PART, "nothing is evicted")


def has_memory(info: Info) -> Finding:
    """Check that there is room."""
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not most:
        most = int(info.get("total_system_memory", 0))
    text = f"{used / 2**20:,.0f} MiB of {most / 2**20:,.0f} MiB used"
    if most and used > FULL * most:
        return fail(PART, text, "Give Redis more memory: writes are about to be refused")
    if most and used > NEARLY_FULL * most:
        return warn(PART, text, "Give Redis more memory soon")
    return ok(PART, text)
