"""word2vec of gensim on the lists of `bench_matrix.py` as baskets; has its own environment.

    python gensim_fit.py item2vec SEED LISTS.npz FITTED.npz

A window of 9 is drawn from 1 to 9 on both sides: 10 pairs of a word, in the mean.
"""

import sys
import time

import numpy as np
from gensim.models import Word2Vec


def main() -> None:
    _, seed, lists, out = sys.argv[1:]
    with np.load(lists) as held:
        starts, values, items = held["starts"], held["values"], int(held["items"])
    rng = np.random.default_rng(int(seed))
    parts = np.split(values, starts[1:-1])
    baskets = [[str(item) for item in rng.permutation(part)] for part in parts]
    began = time.process_time()
    model = Word2Vec(
        baskets, vector_size=32, sg=1, negative=5, window=9, sample=1e-3, min_count=1, epochs=10,
        alpha=0.1, workers=1, seed=int(seed),
    )  # fmt: skip
    seconds = time.process_time() - began
    vectors = np.zeros((items, 32), np.float32)
    for word in model.wv.index_to_key:
        vectors[int(word)] = model.wv[word]
    np.savez(out, vectors=vectors, seconds=seconds)


if __name__ == "__main__":
    main()
