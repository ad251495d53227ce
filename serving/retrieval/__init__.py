"""Sources of candidates: the item index, what is popular, what is new."""
