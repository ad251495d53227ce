"""NAME=VALUE options."""

from collections.abc import Iterable

import click


def pairs(option: str, given: Iterable[str]) -> dict[str, str]:
    """The values by name.

    Args:
        option: what a wrong one is told of.

    >>> pairs("--map", ["movieId=item_id", "note="])
    {'movieId': 'item_id', 'note': ''}

    Raises:
        click.BadParameter: one is not NAME=VALUE.
    """
    found = [each.partition("=") for each in given]
    for name, equals, _ in found:
        if not name or not equals:
            raise click.BadParameter(f"Expected NAME=VALUE. Received: {name!r}.", param_hint=option)
    return {name.strip(): value.strip() for name, _, value in found}
