"""One page of metrics of several workers: every sample gets a label that names its worker.

The pages are in Prometheus' text format and are worked on as text: to parse them would take longer
than to make them. A family stands once, with the samples of all workers in it.
"""

from collections.abc import Mapping

LABEL = "worker"


def merged(pages: Mapping[int, bytes]) -> bytes:
    """One page of the `pages` by the number of their worker.

    >>> pages = {n: b"# HELP items Items\\n# TYPE items gauge\\nitems 7.0\\n" for n in (0, 1)}
    >>> print(merged(pages).decode(), end="")
    # HELP items Items
    # TYPE items gauge
    items{worker="0"} 7.0
    items{worker="1"} 7.0
    """
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for worker, page in pages.items():
        family = ""
        is_known = False
        for line in page.decode().splitlines():
            if line.startswith("# HELP "):
                family = line.split(" ", 3)[2]
                is_known = family in heads
            if not line.startswith("#"):
                samples.setdefault(family, []).append(_labelled(line, worker))
            elif not is_known:
                heads.setdefault(family, []).append(line)
    lines = [line for name, head in heads.items() for line in (*head, *samples.get(name, ()))]
    return "".join(f"{line}\n" for line in lines).encode()


def _labelled(sample: str, worker: int) -> str:
    """`name{a="b"} 1` or `name 1` with the worker's label before the others."""
    name, brace, rest = sample.partition("{")
    if brace and " " not in name:
        return f'{name}{{{LABEL}="{worker}",{rest}'
    name, _, value = sample.partition(" ")
    return f'{name}{{{LABEL}="{worker}"}} {value}'
