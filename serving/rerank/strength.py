"""How much of its odds an item loses for what is shown above it."""


def checked(strength: float) -> float:
    """`strength` as it is.

    Raises:
        ValueError: it is outside [0, 1].
    """
    if not 0.0 <= strength <= 1.0:
        raise ValueError(f"Expected `strength` between 0 and 1. Received: {strength!r}.")
    return strength
