"""How many records are worked on before others have their turn."""


class Slices:
    """A slice size that follows what a record costs.

    Args:
        target_s: how long one slice should take, seconds.
        most: records in a slice, however cheap they are.

    >>> slices = Slices(target_s=0.004)
    >>> slices.took(10, 0.010)
    >>> slices.size
    4
    """

    def __init__(self, target_s: float = 0.004, most: int = 500) -> None:
        self._target_s = target_s
        self._most = most
        self.size = 8

    def took(self, count: int, seconds: float) -> None:
        """Learn that `count` records took so long; the size grows to at most twice what it was."""
        fitting = int(self._target_s * count / max(seconds, 1e-9))
        self.size = max(1, min(fitting, 2 * self.size, self._most))
