"""Evaluation by ranking: protocols that ask for lists, and the figures of the lists given."""
