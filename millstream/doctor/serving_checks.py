"""The serving worker at the address of the settings."""

from dataclasses import dataclass, field
from typing import Any

from millstream.doctor.finding import Finding, fail, ok, warn

PART = "Serving"


@dataclass(frozen=True)
class Ready:
    """The answer of `/readyz`.

    Args:
        status: HTTP status; None where nobody answers.
        body: what it says.
    """

    url: str
    status: int | None
    body: dict[str, Any] = field(default_factory=dict)


def is_ready(ready: Ready) -> Finding:
    """Check that the worker serves lists from a snapshot."""
    if ready.status is None:
        return warn(PART, f"Nobody answers at {ready.url}", "Start `millstream serve` there")
    said = {name: value for name, value in ready.body.items() if name != "ready" and value != ""}
    told = ", ".join(f"{name} {value}" for name, value in said.items())
    if ready.status == 503:
        return fail(PART, f"Not ready: {told}", "See its log; it degrades until it is")
    if ready.status != 200:
        return fail(PART, f"{ready.url} answers {ready.status}", "See whether it is our worker")
    return ok(PART, f"ready: {told}")
