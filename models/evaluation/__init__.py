"""Evaluating models offline: datasets, splits, runs over seeds, and what they came to."""
