"""What a place in a list is worth to the judgement of lists."""

from math import log2

# Length of the lists that are judged.
QUESTION_K = 20


def gain(place: int) -> float:
    """NDCG@20 of a list whose one right answer stands at `place`, from 0.

    >>> gain(0), gain(2), gain(20)
    (1.0, 0.5, 0.0)
    """
    return 1.0 / log2(2 + place) if place < QUESTION_K else 0.0
