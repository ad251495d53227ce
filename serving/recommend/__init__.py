"""A recommendation from the question to the answer."""
