"""Embedding tables that grow with the stream; the cost of a step depends on its batch alone."""
