"""The HTTP worker: retrieve, rank, remove what was seen, diversify, log what was shown.

`retrieval/` and `rerank/` are pure NumPy; the other folders are the shells around them, and
`wiring.py` is the one place where settings become objects.
"""
