"""Networks that read a history and place its next item: the query side of retrieval."""
