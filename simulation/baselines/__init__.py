"""Baselines: counters and neighbours, asked the same questions as the loop."""
