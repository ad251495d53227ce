"""Environment variables that look like settings and are none: most likely misspelt."""

import difflib
import re
from collections.abc import Iterable, Mapping

PREFIX = "MILLSTREAM_"
# No settings themselves: the local services' cache and choice of a broker, and a file of settings.
OTHERS = frozenset({"MILLSTREAM_CACHE_DIR", "MILLSTREAM_LOCAL_BROKER", "MILLSTREAM_SETTINGS_FILE"})
# What Kubernetes sets in every pod for a service of this name.
_OF_A_SERVICE = re.compile(r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP)(_\w+)?")


def unknown_variables(given: Mapping[str, str | None], known: Iterable[str]) -> list[str]:
    """A line for each variable with our prefix that no setting has, with the one it is near to.

    >>> unknown_variables({"MILLSTREAM_BATCHSIZE": "1"}, ["MILLSTREAM_BATCH_SIZE"])
    ['MILLSTREAM_BATCHSIZE is no setting; did you mean MILLSTREAM_BATCH_SIZE?']
    """
    names = set(known) | OTHERS
    lines = []
    for name, value in sorted(given.items()):
        if not name.startswith(PREFIX) or name in names or name.removesuffix("_FILE") in names:
            continue
        if _OF_A_SERVICE.fullmatch(name) or (value or "").startswith("tcp://"):
            continue
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.8)
        hint = f"; did you mean {near[0]}?" if near else " (`millstream settings` lists them)."
        lines.append(f"{name} is no setting{hint}")
    return lines
