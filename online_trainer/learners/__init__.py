"""The learners: they score a batch, then learn from it."""
