"""Learning next-item models from a file of sequences, and ranking the whole corpus with them."""
