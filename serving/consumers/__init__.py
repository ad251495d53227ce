"""Consumers of topics that serving follows, and its producer."""
