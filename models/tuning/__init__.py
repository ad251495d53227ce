"""Search over options: a space, a study that goes on where it was, and what a trial measures."""
