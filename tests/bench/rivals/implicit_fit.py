"""ALS and BPR of implicit, on the lists of `bench_matrix.py`; has its own environment.

python implicit_fit.py als|bpr SEED LISTS.npz FITTED.npz
"""

import sys
import time

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from scipy import sparse


def main() -> None:
    name, seed, lists, out = sys.argv[1:]
    with np.load(lists) as held:
        starts, values, items = held["starts"], held["values"], int(held["items"])
    ones, shape = np.ones(len(values), np.float32), (len(starts) - 1, items)
    matrix = sparse.csr_matrix((ones, values, starts), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    if name == "als":  # implicit takes the whole confidence, 1 + 10
        model = AlternatingLeastSquares(
            32,
            regularization=10.0,
            alpha=11.0,
            iterations=15,
            num_threads=1,
            random_state=int(seed),
        )
    else:
        model = BayesianPersonalizedRanking(
            32, learning_rate=0.05, regularization=0.01, iterations=50, num_threads=1,
            random_state=int(seed),
        )  # fmt: skip
    began = time.process_time()
    model.fit(matrix, show_progress=False)
    seconds = time.process_time() - began
    users, vectors = model.user_factors, model.item_factors
    bias = np.zeros(items)
    if name == "bpr":  # the last factor of items is their bias
        users, bias, vectors = users[:, :-1], vectors[:, -1], vectors[:, :-1]
    np.savez(out, users=users, items=vectors, bias=bias, seconds=seconds)


if __name__ == "__main__":
    main()
