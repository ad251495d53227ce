"""Millstream: recommendations that learn while people click.

This package is the vocabulary that the other folders share: events, topics, settings, ids, clock,
errors, metrics helpers, the snapshot format and the command line. It imports nothing else of ours.
"""

__version__ = "0.1.0"
