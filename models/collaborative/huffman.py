"""Huffman tree: short paths for what is frequent."""

from heapq import heapify, heappop, heappush

import numpy as np


def paths(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The way from the root to each leaf.

    Args:
        counts: (leaves,), at least two.

    Returns:
        (leaves, depth) numbers of the inner nodes on the way, below leaves - 1; 1 where it goes
        left there, else 0; and 1 where the way has a step, 0 after its end.

    >>> nodes, left, steps = paths(np.array([5.0, 1.0, 1.0]))
    >>> steps.sum(axis=1).tolist()
    [1.0, 2.0, 2.0]
    """
    leaves = len(counts)
    heap = [(float(count), node) for node, count in enumerate(counts)]
    heapify(heap)
    parent, is_left = np.zeros(2 * leaves - 1, np.int64), np.zeros(2 * leaves - 1)
    for node in range(leaves, 2 * leaves - 1):
        (one, left), (other, right) = heappop(heap), heappop(heap)
        parent[[left, right]] = node
        is_left[left] = 1.0
        heappush(heap, (one + other, node))
    root = 2 * leaves - 2
    ways = []
    for leaf in range(leaves):
        way: list[tuple[int, float]] = []
        node = leaf
        while node != root:
            way.append((parent[node] - leaves, is_left[node]))
            node = parent[node]
        ways.append(way[::-1])
    depth = max(map(len, ways))
    nodes, left, steps = (np.zeros((leaves, depth), kind) for kind in (np.int64, float, float))
    for leaf, way in enumerate(ways):
        nodes[leaf, : len(way)] = [node for node, _ in way]
        left[leaf, : len(way)] = [turn for _, turn in way]
        steps[leaf, : len(way)] = 1.0
    return nodes, left, steps
