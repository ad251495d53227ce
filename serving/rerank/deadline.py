"""When a search for the best order has to stop and give what it has."""


def never() -> bool:
    """There is time without end."""
    return False
