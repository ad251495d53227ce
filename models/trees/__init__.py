"""Boosted trees behind the same evaluation as the networks: baselines."""
