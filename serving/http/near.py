"""Names that nobody knows, and what may have been meant."""

import difflib
from collections.abc import Collection


def unknown_name(name: str, known: Collection[str]) -> str:
    """Error text for `name`, which is none of `known`.

    >>> unknown_name("requst_id", ["request_id", "user_id"])
    "Expected a known name: did you mean 'request_id'? Received: 'requst_id'."
    """
    near = difflib.get_close_matches(name[:100], known, n=2, cutoff=0.6)
    if near:
        hint = f"a known name: did you mean {' or '.join(map(repr, near))}?"
    elif known:
        hint = f"one of {', '.join(sorted(known))}."
    else:
        hint = "none."
    return f"Expected {hint} Received: {name[:100]!r}."
