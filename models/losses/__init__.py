"""Losses that the networks minimise."""
