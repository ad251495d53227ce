"""Similarity of items: hashes, near-duplicate pairs, scaling."""
