"""From scored candidates to the list that is shown: pure functions over NumPy arrays."""
