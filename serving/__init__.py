"""The HTTP worker: retrieve, rank, remove what was seen, diversify, log what was shown.

`retrieval/` and `rerank/` are pure NumPy; `inputs/`, `model/` and `http/` are the shells around them;
`wiring.py` is the one place where settings become objects.
"""
